/** Milliseconds since some moment, which never go back. `performance.now` of Node takes 1 ms to load. */
export function now(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

const DAY = 86_400_000;
/** Days from 1 March of the year 0 to 1 January 1970, and of 400 years. */
const [EPOCH, ERA] = [719_468, 146_097];

/**
 * A time of the years 0 to 9999, in milliseconds since 1970, as Date's `toISOString` has it: that takes a quarter of a
 * millisecond the first time, to look for a time zone. After Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms"
 * (civil_from_days): years begin in March, so that a leap day is a year's last.
 */
export function timestamp(time = Date.now()): string {
  const days = Math.floor(time / DAY) + EPOCH;
  const rest = time - (days - EPOCH) * DAY;
  const era = Math.floor(days / ERA);
  const ofEra = days - era * ERA;
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  );
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * ofYear + 2) / 153);
  const day = ofYear - Math.floor((153 * fromMarch + 2) / 5) + 1;
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const [hours, minutes] = [Math.floor(rest / 3_600_000), Math.floor(rest / 60_000) % 60];
  const [seconds, thousandths] = [Math.floor(rest / 1000) % 60, Math.floor(rest % 1000)];
  const date = `${padded(year, 4)}-${padded(month, 2)}-${padded(day, 2)}`;
  return `${date}T${padded(hours, 2)}:${padded(minutes, 2)}:${padded(seconds, 2)}.${padded(thousandths, 3)}Z`;
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, "0");
}
