// Drives the console as a person with a keyboard would:
// node browser.mjs CHROMIUM URL NUMBER CODE. Prints one line a step; any
// failed assertion ends it with exit code 1.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const patience = 120000; // of every wait: far longer than a step takes on a busy machine
const [, , executablePath, url, number, code] = process.argv;
const browser = await chromium.launch({
  executablePath,
  timeout: patience,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
const faults = [];
page.on("pageerror", (e) => faults.push(`error: ${e.message}`));
page.on("console", (m) => { if (m.type() === "error" && !m.text().includes("502 (Bad Gateway)")) faults.push(`console: ${m.text()}`); });
page.on("request", (r) => { if (!r.url().startsWith(url) && !r.url().startsWith("data:")) faults.push(`request to ${r.url()}`); });
page.setDefaultTimeout(patience);
const say = (s) => console.log(s);

await page.goto(url);
await page.waitForSelector(".phone");
assert.match(await page.locator("header").innerText(), /EMULATED/);
const phone = page.locator(`.phone:has-text("${number}")`);
const screen = phone.locator(".screen");
assert.equal(await screen.evaluate((e) => getComputedStyle(e, "::after").content), '"EMULATED"');
say("page is up and marked");

const prompt = () => page.waitForFunction((n) => { const p = [...document.querySelectorAll(".phone")].find((e) => e.innerText.includes(n)); return p && !p.querySelector(".cancel").disabled; }, number);
const entryEmpty = () => page.waitForFunction((n) => { const p = [...document.querySelectorAll(".phone")].find((e) => e.innerText.includes(n)); const e = p && p.querySelector(".entry"); return p && (!e || !e.innerText.includes("•")); }, number);

async function ask(text) {
  await page.selectOption("select[name=number]", number);
  await page.fill("textarea[name=text]", text);
  await page.focus("#ask-form button[type=submit]");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#reference");
  await prompt();
  return page.locator("#reference").innerText();
}
const outcome = async () => { await page.waitForSelector("#outcome"); return page.locator("#outcome").innerText(); };

// Signed, by keyboard alone; markup in the text is text.
const text = 'Pay 5 EUR to <img src=x onerror="document.title=1"> & Sons?';
const reference = await ask(text);
const shown = await screen.innerText();
assert.ok(shown.includes(text), `the handset shows ${shown}`);
assert.ok(shown.includes(reference), "the reference code is on both screens");
assert.notEqual(await page.title(), "1");
await phone.focus();
await page.keyboard.press("Enter");
await phone.locator(".entry").waitFor();
await page.keyboard.type(code);
assert.equal(await phone.locator(".entry").innerText(), "•".repeat(code.length));
assert.ok(!(await page.content()).includes(`>${code}<`), "the code is nowhere on the page");
await page.keyboard.press("Enter");
await phone.locator(".idle .follows", { hasText: "tells if that came too late" }).waitFor();
assert.match(await phone.locator("[role=alert]").textContent(), /tells if that came too late/);
assert.match(await outcome(), /^500 /);
assert.match(await page.locator("#ask-result").innerText(), /Verified by the provider/);
say("signed by keyboard, verified");

const layers = await page.evaluate(() => [...new Set([...document.querySelectorAll("#trace-list .layer")].map((e) => e.className.split(" ").pop()))]);
for (const want of ["request", "int6", "packet", "segment", "sms", "apdu", "proactive", "answer", "verify", "reply"]) assert.ok(layers.includes(want), `no ${want} in the trace, only ${layers}`);
for (const want of ["int6", "packet", "segment", "sms", "apdu", "proactive", "answer"]) {
  const octets = await page.locator(`#trace-list li:has(.layer.${want}) .octets`).count();
  assert.ok(octets > 0, `${want} without octets`);
}
assert.ok(!(await page.locator("#trace-list").innerHTML()).includes([...code].map((d) => `3${d}`).join(" ")), "the digits of the code are in the trace");
say(`trace has ${layers.join(" ")}`);

const [download] = await Promise.all([page.waitForEvent("download"), page.click("#ask-result a[download]")]);
assert.match(download.suggestedFilename(), /\.p7s$/);
say("signature saved");

// Cancelled with the mouse.
await ask("Cancel this");
await phone.locator("button.cancel").click();
assert.match(await outcome(), /^401 /);
assert.equal(await phone.locator(".follows").count(), 0, "a cancelled text is told to be answered with a code");
say("cancelled");

// Back on the code prompt returns to the text.
await ask("Go back once");
await phone.locator("button.ok").click();
await phone.locator(".entry").waitFor();
await phone.locator(".softkeys button", { hasText: "Back" }).click();
await phone.locator(".text", { hasText: "Go back once" }).waitFor();
await phone.locator("button.cancel").click();
assert.match(await outcome(), /^401 /);
say("back, then cancelled");

// The keyboard keeps its place: OK goes away under the focus, the handset
// takes it, and digits arrive. A second press of OK is none. A reload in the
// middle loses nothing.
await ask("Keyboard only");
const focus = () => phone.evaluate((e) => e.contains(document.activeElement));
await phone.locator("button.ok").focus();
await phone.locator("button.ok").evaluate((b) => { b.click(); b.click(); });
await phone.locator(".entry").waitFor();
assert.ok(await focus(), "the focus left the handset when its OK went away");
await page.keyboard.type(code.slice(0, 2));
assert.equal(await phone.locator(".entry").innerText(), "••");
assert.equal(await phone.locator(".bad").count(), 0, "a second press of OK is an error");
await page.reload();
await phone.locator(".entry").waitFor();
await page.waitForSelector("#reference");
await phone.focus();
await page.keyboard.type(code);
await page.keyboard.press("Enter");
assert.match(await outcome(), /^500 /);
await page.reload();
assert.match(await outcome(), /^500 /, "the outcome is gone after a reload");
await phone.locator(".switches input").nth(1).focus();
await page.keyboard.press("Space");
await phone.locator(".status", { hasText: "no coverage" }).waitFor();
assert.ok(await phone.locator(".switches input").nth(1).evaluate((e) => e === document.activeElement), "a switch lost the focus");
await page.keyboard.press("Space");
await phone.locator(".status", { hasText: "net" }).waitFor();
await phone.locator(".faults summary").click();
await phone.locator("select[name=segment]").selectOption("duplicate");
await phone.locator(".faults button").click();
await phone.locator("output", { hasText: "Set." }).waitFor();
await phone.locator("select[name=segment]").selectOption("");
await phone.locator(".faults button").click();
await phone.locator("output", { hasText: "No fault" }).waitFor();
say("keyboard, double click, reload and faults");

// The SIM menu. A notice takes no entry, and goes with OK.
await phone.locator(".idle button", { hasText: "Change personal code" }).click();
await phone.locator(".entry").waitFor();
await phone.locator("button.cancel").click();
await phone.locator(".text", { hasText: "No new code was set." }).waitFor();
assert.equal(await phone.locator(".entry").count(), 0, "a notice asks for characters");
await phone.locator("button.ok").click();
await phone.locator(".idle").waitFor();
say("menu and notice");

// A number without a user: one clear message, no prompt.
await page.evaluate(() => { const s = document.querySelector("select[name=number]"); s.append(new Option("nobody", "+41790009999")); });
await page.selectOption("select[name=number]", "+41790009999");
await page.click("#ask-form button[type=submit]");
await page.locator("#ask-result .bad").waitFor();
assert.match(await page.locator("#ask-result").innerText(), /105/);
say("unknown user refused");

// Wrong codes block; the message says what to do.
await ask("Block the code");
await phone.locator("button.ok").click();
for (let i = 0; i < 3; i++) {
  await phone.locator(".entry").waitFor();
  await phone.focus();
  await page.keyboard.type("8888");
  await page.keyboard.press("Enter");
  await entryEmpty();
}
const told = phone.locator(".sms", { hasText: /block/i }).first();
while (!(await page.locator("#outcome").count()) || !(await told.count())) {
  const ok = phone.locator("button.ok:not(:disabled)");
  if (await ok.count()) await ok.click({ timeout: 500 }).catch(() => {}); // the notice may go by itself
  await page.waitForTimeout(50);
}
assert.match(await outcome(), /^402 /);
say("blocked, and the user was told by a message");

// A handset whose code came too late: it says what follows, then shows the message,
// also where an older one makes room for it; and one that was switched off says nothing.
const late = await page.evaluate(async () => {
  const { Phone } = await import(new URL("phone.js", document.querySelector("script[src]").src).href);
  const sms = (text) => ({ from: "+41790000000", text }), full = ["a", "b"].map(sms);
  const state = (more) => ({ number: "+1", on: true, coverage: true, inbox: full, screen: null, ...more });
  const entry = { id: "1", kind: "input", text: "Enter your code", hidden: true, digits: true, min: 4, max: 8 };
  const p = new Phone(state({ screen: entry }));
  const seen = (s) => { p.update(state(s)); return { follows: p.box.querySelectorAll(".follows").length, live: p.live.textContent, sms: [...p.box.querySelectorAll(".sms")].map((e) => e.textContent).join() }; };
  return [{}, {}, { inbox: [full[1], sms("It was too late")] }, { screen: { ...entry, id: "2" } }, { on: false }, { screen: { ...entry, id: "3", hidden: false } }, {}].map(seen);
});
assert.deepEqual(late.map((s) => s.follows), [1, 1, 0, 0, 0, 0, 0], JSON.stringify(late));
assert.match(late[0].live, /tells if that came too late/);
assert.match(late[2].live, /^Message from \+41790000000: It was too late$/);
assert.ok(late[2].sms.includes("It was too late"));
say("after a code: what follows, and the message");

// A server that was started again counts from 1: the trace goes on, what was
// chosen stays chosen, and what was asked before has ended.
const again = await browser.newPage();
again.setDefaultTimeout(patience);
again.on("pageerror", (e) => faults.push(`error: ${e.message}`));
let run = 0, cameBack, goOn;
const back = new Promise((f) => { cameBack = f; });
const go = new Promise((f) => { goOn = f; });
await again.route("**/ask", (r) => r.fulfill({ json: { id: "h1", reference: "K7QM" } }));
await again.route("**/events", async (r) => {
  const n = ++run;
  if (n > 2) return; // never answered: what run 2 has told stays on the page
  if (n === 2) { cameBack(); await go; }
  const stream = [["setup", { run: `run ${n}`, users: [{ number: "+1", name: "A" }, { number: "+2", name: "B" }], profiles: [{ uri: "p", label: "P" }] }],
    ...Array.from({ length: n === 1 ? 2100 : 2 }, (_, i) => ["trace", { seq: i + 1, at: "2026-01-02T03:04:05.678Z", tx: i < 2 ? "old" : "new", layer: "apdu", summary: `run ${n}, step ${i + 1}` }])];
  await r.fulfill({ contentType: "text/event-stream", body: "retry: 50\n\n" + stream.map(([n, d]) => `event: ${n}\ndata: ${JSON.stringify(d)}\n\n`).join("") });
});
await again.goto(url);
await again.locator("#trace-list li", { hasText: "run 1, step 2100" }).waitFor();
assert.equal(await again.locator("#trace-list li").count(), 2000, "lines of the trace");
assert.deepEqual(await again.locator("#trace-tx option").allInnerTexts(), ["all", "new"]);
await again.selectOption("select[name=number]", "+2");
await again.click("#ask-form button");
await again.waitForSelector("#reference");
await again.selectOption("#trace-tx", "");
await back;
await again.waitForFunction(() => document.getElementById("link").className.includes("lost"));
goOn();
await again.locator("#trace-list li", { hasText: "run 2, step 2" }).waitFor();
assert.equal(await again.locator("select[name=number]").inputValue(), "+2", "the choice is gone");
assert.match(await again.locator("#outcome").innerText(), /started again/);
// The first reply of a transaction may come when the page shows it already:
// its request, which names none, takes its place.
assert.deepEqual(await again.evaluate(async () => {
  const { Trace } = await import("./trace.js");
  const trace = new Trace();
  const add = (seq, ev) => trace.add({ seq, at: "2026-01-02T03:04:05.678Z", summary: "", ...ev });
  add(1, { layer: "request", ref: "T1" });
  add(2, { layer: "request", ref: "T2" });
  trace.show("h1");
  add(3, { layer: "int6", tx: "h1" });
  add(4, { layer: "reply", ref: "T1", tx: "h1" });
  return [...document.querySelectorAll("#trace-list li")].map((e) => e.dataset.seq);
}), ["1", "3", "4"]);
await again.close();
say("started again");

assert.deepEqual(faults, []);
await browser.close();
say("no error and no request to anywhere else");
