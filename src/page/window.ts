/** Of a long list the part in sight: elements come and go as it is scrolled, and stay in their order. */

export interface Drawn {
  readonly element: HTMLElement;
}

/** Rows and columns beyond the edges that are there before they are scrolled to. */
const BEYOND = 3;

export type Span = readonly [first: number, last: number];

/** What is in sight of a list of this step, and a little more; the last is not of it. */
export function span(start: number, size: number, step: number, count: number): Span {
  return [
    Math.max(0, Math.floor(start / step) - BEYOND),
    Math.min(count, Math.ceil((start + Math.max(0, size)) / step) + BEYOND),
  ];
}

export function numbers([first, last]: Span): number[] {
  return Array.from({ length: Math.max(0, last - first) }, (_, i) => first + i);
}

/** Makes the numbers of a span be there, in their order, and no others. */
export function keep<T extends Drawn>(
  parent: HTMLElement,
  drawn: Map<number, T>,
  [first, last]: Span,
  make: (n: number) => T,
): void {
  for (const [number, { element }] of drawn) {
    if (number >= first && number < last) continue;
    element.remove();
    drawn.delete(number);
  }
  let after: HTMLElement | null = null;
  for (let number = last - 1; number >= first; number--) {
    let one = drawn.get(number);
    if (one === undefined) {
      one = make(number);
      drawn.set(number, one);
      parent.insertBefore(one.element, after);
    }
    after = one.element;
  }
}
