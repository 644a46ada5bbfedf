/** The page in a real browser: everything that a reader can do with it, and nothing that it must not do by itself. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Page } from "playwright-core";
import { when } from "../kernel/features.js";
import { Chromium, pageOf } from "../support/browser.js";
import { fleet } from "../support/fleet.js";
import { readPolicy } from "../support/policies.js";

const test = suite("the page");
const it = await when(test, "chromium");

let shared: Chromium | undefined;

async function browser(): Promise<Chromium> {
  return (shared ??= await Chromium.start());
}

test.after(async () => shared?.end());

const SHOP = await pageOf(readPolicy("04-shop.tsnet"), "04-shop.tsnet");

const cell = (page: Page, words: string) => page.locator(`[role=gridcell][aria-label^="${words}"]`);
const panel = (page: Page) => page.locator("#panel").innerText();
const title = (page: Page) => page.locator("#panel-title").innerText();

it("opens from disk, complains of nothing and asks for nothing", async () => {
  const { page, faults } = await (await browser()).open(SHOP);
  assert.is(await page.locator("html").getAttribute("data-ready"), "true");
  assert.is(await page.locator("h1").innerText(), "shop");
  assert.equal(faults, []);
  // The page's policy holds for what its own script would fetch, too.
  const fetched = await page.evaluate('fetch("https://example.org/").then(() => "fetched", () => "refused")');
  assert.is(fetched, "refused");
});

it("is a grid to assistive technology, with headers, positions and sizes", async () => {
  const { page } = await (await browser()).open(SHOP);
  const grid = page.locator("[role=grid]");
  assert.is(await grid.getAttribute("aria-rowcount"), "7");
  assert.is(await grid.getAttribute("aria-colcount"), "7");
  assert.equal(await page.locator("[role=rowheader]").allInnerTexts(), [
    "proxy",
    "app1",
    "app2",
    "db",
    "host",
    "world",
  ]);
  assert.is(await page.locator("[role=grid] [role=row]").count(), 7);
  assert.is(await page.locator("[role=row] > [role=gridcell][aria-colindex]").count(), 36);
  assert.is(await cell(page, "app1 to db").getAttribute("aria-label"), "app1 to db: allowed: 5432");
  assert.is(await cell(page, "world to db").getAttribute("aria-label"), "world to db: nothing allowed, by default");
  assert.is(await page.locator("#panel").getAttribute("aria-live"), "polite");
});

it("explains a cell: the verdict, the statement and its line, the default, and ways through published ports", async () => {
  const { page, faults } = await (await browser()).open(SHOP);
  await cell(page, "app1 to db").click();
  assert.is(await title(page), "app1 → db");
  const text = await panel(page);
  for (const words of [
    "Allowed: 5432",
    "allow apps -> db:postgres",
    "04-shop.tsnet:18",
    "everything else",
    "containers of one network",
  ])
    assert.ok(text.includes(words), `${words} in: ${text}`);
  await cell(page, "proxy to db").click();
  assert.match(await panel(page), /Default: containers without a common network/);
  await cell(page, "world to proxy").click();
  assert.match(
    await panel(page),
    /Through the host\s+allow host port 8443 → port 443\s+container proxy publish 8443 -> 443/,
  );
  assert.equal(faults, []);
});

it("leads from a rule to its line, from the line to what it decides, and back", async () => {
  const { page } = await (await browser()).open(SHOP);
  await cell(page, "proxy to app2").click();
  await page.locator("#panel .statement").first().click();
  assert.is(await title(page), "Line 17");
  assert.is(await page.locator("#source .line.here code").innerText(), "allow proxy -> apps:8080");
  const focused = await page.evaluate('document.activeElement.getAttribute("aria-label")');
  assert.is(focused, "Line 17: what it decides");
  assert.is(await page.locator(".cell.marked").count(), 2);
  await page.getByRole("button", { name: "Back to proxy → app2" }).click();
  assert.is(await title(page), "proxy → app2");
  await page.getByRole("button", { name: "Line 18: what it decides" }).click();
  assert.match(await panel(page), /allow apps -> db:postgres/);
  await page.getByRole("button", { name: "app1, app2 → db" }).click();
  assert.is(await title(page), "app1 → db");
});

it("filters by names, networks, services and verdicts, and says how many are left", async () => {
  const { page } = await (await browser()).open(SHOP);
  const rows = () => page.locator("[role=rowheader]").allInnerTexts();
  const columns = () => page.locator("[role=columnheader].column").allInnerTexts();
  await page.getByRole("searchbox", { name: "From" }).fill("app");
  assert.equal(await rows(), ["app1", "app2"]);
  assert.is(await page.locator("#count").innerText(), "2 of 6 rows, 6 of 6 columns");
  await page.getByLabel("To", { exact: true }).fill("back");
  assert.equal(await columns(), ["app1", "app2", "db"]);
  await page.getByRole("button", { name: "Clear" }).click();
  assert.is((await rows()).length, 6);
  await page.getByLabel("Service").fill("5432");
  assert.equal(await rows(), ["proxy", "app1", "app2", "host"]);
  await page.getByRole("combobox", { name: "Show" }).selectOption("said");
  assert.equal(await rows(), ["app1", "app2"]);
  assert.equal(await columns(), ["db"]);
  await page.getByLabel("Service").fill("http");
  assert.match(await page.locator("#count").innerText(), /“http” is no service/);
  await page.getByLabel("Service").fill("1/sctp");
  assert.is(await page.locator("#count").innerText(), "No pair is like that.");
});

it("goes by keyboard alone: to the grid, through it, into a cell and a name", async () => {
  const { page } = await (await browser()).open(SHOP);
  await page.keyboard.press("Tab");
  assert.is(await page.evaluate("document.activeElement.className"), "skip");
  await page.locator("#grid").focus();
  const active = async () => {
    const id = await page.locator("#grid").getAttribute("aria-activedescendant");
    return page.locator(`#${id}`).getAttribute("aria-label");
  };
  await page.keyboard.press("ArrowRight");
  assert.is(await active(), "proxy to app1: allowed: 8080");
  await page.keyboard.press("Control+End");
  assert.is(await active(), "world to world: itself");
  await page.keyboard.press("Control+Home");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  assert.is(await title(page), "app1 → proxy");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press(" ");
  assert.is(await title(page), "app1");
  assert.match(await panel(page), /Reaches[\s\S]*db 5432[\s\S]*Is reached by/);
  await page.locator("[data-edge]").first().focus();
  await page.keyboard.press("Enter");
  assert.match(await title(page), / → /);
  await page.locator("[data-node]").first().focus();
  await page.keyboard.press("Enter");
  assert.is(await title(page), "proxy");
});

it("is light or dark as the system is, until the reader chooses", async () => {
  const ground = (page: Page) => page.evaluate("getComputedStyle(document.documentElement).backgroundColor");
  const light = await (await browser()).open(SHOP, "light.html", "light");
  const dark = await (await browser()).open(SHOP, "dark.html", "dark");
  const [day, night] = [await ground(light.page), await ground(dark.page)];
  assert.is.not(day, night);
  const toggle = dark.page.locator("#theme");
  assert.is(await toggle.getAttribute("aria-pressed"), "true");
  await toggle.click();
  assert.is(await toggle.getAttribute("aria-pressed"), "false");
  assert.is(await ground(dark.page), day);
});

it("shows 500 containers with few elements, and any cell of them", async () => {
  const { page, faults } = await (await browser()).open(await pageOf(fleet(500), "fleet.tsnet"));
  const count = () => page.locator("[role=gridcell]").count();
  assert.is(await page.locator("#grid").getAttribute("aria-rowcount"), "503");
  assert.ok((await count()) < 1500, `${await count()} cells`);
  assert.ok((await page.locator("#picture *").count()) < 1500);
  await page.locator("#grid").focus();
  await page.keyboard.press("Control+End");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Home");
  await page.keyboard.press("Enter");
  assert.is(await title(page), "host → team0-gateway");
  assert.ok((await count()) < 1500);
  await page.getByLabel("To", { exact: true }).fill("team33-db");
  await page.getByRole("combobox", { name: "Show" }).selectOption("said");
  assert.is(await page.locator("#count").innerText(), "8 of 502 rows, 1 of 502 columns");
  await cell(page, "team33-worker4 to team33-db").click();
  assert.match(await panel(page), /-> team33-db:5432/);
  assert.equal(faults, []);
});

const EVIL = [
  "</script><img src=x onerror=alert(1)>",
  "</style><b onclick='alert(2)'>\\\"x",
  "--><svg/onload=alert(3)>",
  "]]>&lt;{{7*7}}${alert(4)}`",
];

it("names are text wherever they stand, whatever they say", async () => {
  const lines = EVIL.map((name) => `container "${name}" { }`);
  const names = EVIL.map((name) => name.replace('\\"', '"'));
  const policy = `# </script><script>alert(5)</script>\npolicy shop\nicc off\n${lines.join("\n")}\nallow "${EVIL[0]}" -> "${EVIL[1]}":22\npublish 80 -> "${EVIL[2]}"\n`;
  const { page, faults } = await (await browser()).open(await pageOf(policy, "</script>'\".tsnet"));
  assert.equal((await page.locator("[role=rowheader]").allTextContents()).slice(0, 4), names);
  assert.is(await page.locator("img, b[onclick], svg[onload]").count(), 0);
  assert.is(await page.locator("script").count(), 2);
  assert.match(await page.locator("#source").innerText(), /# <\/script><script>alert\(5\)<\/script>/);
  const choosable = page.locator(
    "[role=gridcell], [role=rowheader], [data-node], [data-edge], .line:not(.plain) button",
  );
  await choosable.evaluateAll((all) => all.forEach((one) => one.dispatchEvent(new Event("click", { bubbles: true }))));
  assert.equal(faults, []);
});

test.run();
