// The guide in a real browser, before a running gateway that serves it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertAccessible, close, complaints, gateway, launch, page, requests } from "./browser.mjs";

before(launch);
after(close);

test("the guide opens, and has the reference of the schema", async () => {
  await page.goto(new URL("/guide", gateway).href);
  assert.equal(page.url(), new URL("/guide/", gateway).href);
  assert.equal(await page.title(), "Guide - contact-gateway");
  await page.getByRole("link", { name: "Mutations", exact: true }).click();
  await page.getByRole("heading", { name: "createAccountContact", exact: true }).waitFor();
});

test("the search finds a field of the schema", async () => {
  await page.keyboard.press("s");
  await page.keyboard.type("restoreAccountContact");
  const result = page.locator("#mdbook-searchresults").getByRole("link", { name: "Mutations » restoreAccountContact" });
  await result.click();
  await page.waitForURL(/\/guide\/reference\/mutations\.html.*#restoreaccountcontact$/);
});

for (const colorScheme of ["light", "dark"]) {
  test(`pages are accessible, and not wider than the window: ${colorScheme}`, async () => {
    await page.emulateMedia({ colorScheme });
    for (const name of ["", "front-ends.html", "reference/queries.html"]) {
      await page.setViewportSize({ width: 1400, height: 900 });
      await page.goto(new URL(`/guide/${name}`, gateway).href);
      await assertAccessible("main");
      await page.setViewportSize({ width: 400, height: 900 });
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0, name);
    }
  });
}

test("all that was loaded is the gateway's, and nothing failed", () => {
  assert.deepEqual(complaints, []);
  assert.deepEqual(requests.filter((address) => new URL(address).origin !== gateway.origin), []);
});
