import { el, post } from "./dom.js";

// What follows a code entry: no other word of the service may.
const follows = "The card answers the service. A message tells if that came too late.";

const keys = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];

// Phone draws one emulated handset from the snapshots that the server sends.
// The code that is typed lives here until OK and is never drawn when hidden.
// Whoever uses the keyboard alone never loses the handset: what is redrawn
// under the focus gives it to the handset itself.
export class Phone {
  constructor(state) {
    this.entry = "";
    this.entered = false; // the last screen took a code, and nothing has come since
    this.answered = ""; // the screen whose answer is on its way: a second press is none
    this.box = el("section", { class: "phone", tabindex: "0" });
    this.box.addEventListener("keydown", (e) => this.key(e));
    this.live = el("p", { class: "sr", role: "alert" });
    this.typed = el("p", { class: "sr", role: "status" });
    this.head = el("h2");
    this.screen = el("div", { class: "screen" });
    this.keys = ["cancel", "back", "ok"].map((a) => el("button", { type: "button", class: a, onclick: () => this.answer(a) }, { cancel: "Cancel", back: "Back", ok: "OK" }[a]));
    this.soft = el("div", { class: "softkeys" }, this.keys);
    this.pad = el("div", { class: "keypad", role: "group", "aria-label": "Keypad" },
      keys.map((k) => el("button", { type: "button", onclick: () => this.type(k) }, k)));
    this.on = this.toggle("on", "Switched on");
    this.coverage = this.toggle("coverage", "Coverage");
    this.switches = el("div", { class: "switches" }, [this.on, this.coverage].map((b) => b.parentElement));
    this.faults = this.faultPanel();
    this.box.append(this.head, this.live, this.typed, this.screen, this.soft, this.pad, this.switches, this.faults);
    this.update(state);
  }

  url(what) { return `handset/${encodeURIComponent(this.state.number)}/${what}`; }

  async send(what, body) {
    try { await post(this.url(what), body); this.note(""); return true; } catch (e) { this.answered = ""; this.note(e.message); return false; }
  }

  note(text) { if (text) this.live.textContent = text; this.error = text; if (text) this.draw(); }

  update(state) {
    const before = this.state && this.state.screen && this.state.screen.id;
    const now = state.screen && state.screen.id;
    const hidden = before && this.state.screen.hidden;
    const message = this.state && JSON.stringify(state.inbox) !== JSON.stringify(this.state.inbox) && state.inbox.at(-1);
    this.state = state;
    if (message) this.entered = false;
    if (before !== now) {
      this.entered = Boolean(hidden && !now && state.on && !message);
      this.entry = (state.screen && state.screen.default) || "";
      this.answered = this.error = this.typed.textContent = "";
      this.box.classList.toggle("ringing", Boolean(now));
      this.live.textContent = state.screen ? state.screen.text : this.entered ? follows : "";
    }
    if (message && !now) this.live.textContent = `Message from ${message.from}: ${message.text}`;
    this.draw();
  }

  draw() {
    const s = this.state, scr = s.screen, focused = this.box.contains(document.activeElement);
    const scrolled = this.body && this.drawn === (scr && scr.id) ? this.body.scrollTop : 0;
    this.box.setAttribute("aria-label", `Emulated handset of ${s.name || s.number}`);
    this.head.replaceChildren(el("span", {}, s.name || s.number), el("small", {}, s.card || ""));
    const status = el("div", { class: "status" }, el("span", {}, s.number), el("span", {}, !s.on ? "off" : s.coverage ? "▂▄▆ net" : "no coverage"));
    this.body = el("div", { class: "body" });
    this.screen.replaceChildren(status, this.body);
    if (s.on && scr) this.prompt(scr);
    else if (s.on) this.body.append(this.idle());
    if (this.error) this.screen.append(el("p", { class: "bad" }, this.error));
    this.body.scrollTop = scrolled;
    this.drawn = scr && scr.id;
    const waiting = scr && this.answered !== scr.id;
    for (const b of this.keys) b.disabled = !waiting || (b.className === "ok" && !this.ready());
    this.on.checked = s.on;
    this.coverage.checked = s.coverage;
    const now = document.activeElement;
    if (focused && (!this.box.contains(now) || now.disabled)) this.box.focus({ preventScroll: true });
  }

  toggle(name, label) {
    const box = el("input", { type: "checkbox", onchange: (e) => this.send("state", { [name]: e.target.checked }) });
    el("label", {}, box, " ", label);
    return box;
  }

  prompt(scr) {
    this.body.append(el("pre", { class: "text", title: `octets as the card sent them: ${scr.octets}` }, scr.text));
    if (scr.kind === "select") {
      this.body.append(...scr.items.map((i) => el("button", { type: "button", onclick: () => this.answer("ok", "", i.id) }, i.text)));
    } else if (scr.kind === "yesno") {
      this.body.append(el("button", { type: "button", onclick: () => this.answer("ok", "yes") }, "Yes"), el("button", { type: "button", onclick: () => this.answer("ok", "no") }, "No"));
    } else if (this.types()) {
      const shown = scr.hidden ? "•".repeat(this.entry.length) : this.entry;
      const range = scr.min === scr.max ? `${scr.min}` : `${scr.min} to ${scr.max}`;
      this.screen.append(el("div", { class: "entry", role: "textbox", "aria-readonly": "true", "aria-label": scr.hidden ? `${this.entry.length} hidden digits entered` : "Entry" }, shown || "\u00a0"),
        el("p", { class: "entry-hint" }, `${range} ${scr.digits ? "digits" : "characters"}; type on the keyboard or use the keypad`));
    }
  }

  idle() {
    const s = this.state, box = el("div", { class: "idle" });
    if (this.entered) box.append(el("p", { class: "follows" }, follows));
    if (s.idle) box.append(el("p", {}, s.idle));
    box.append(el("h3", {}, `Messages (${s.inbox.length})`));
    if (!s.inbox.length) box.append(el("p", { class: "entry-hint" }, "No messages"));
    for (const m of s.inbox) box.append(el("div", { class: "sms" }, el("b", {}, m.from), m.text));
    if (s.menu && s.menu.items.length) {
      box.append(el("h3", {}, s.menu.title || "SIM menu"), ...s.menu.items.map((i) => el("button", { type: "button", onclick: () => this.send("menu", { item: i.id }) }, i.text)));
    }
    return box;
  }

  ready() {
    const scr = this.state.screen;
    if (!scr || scr.kind === "select" || scr.kind === "yesno") return false;
    return !this.types() || (this.entry.length >= scr.min && this.entry.length <= scr.max);
  }

  // types says whether the screen takes characters; texts and notices do not.
  types() { return ["input", "inkey"].includes(this.state.screen?.kind); }

  type(k) {
    const scr = this.state.screen;
    if (!this.types() || this.answered === scr.id || this.entry.length >= scr.max) return;
    this.edit(this.entry + k);
  }

  edit(entry) {
    this.entry = entry;
    this.typed.textContent = this.state.screen.hidden ? `${entry.length} entered` : entry;
    this.draw();
  }

  answer(action, input, item) {
    const scr = this.state.screen;
    if (!scr || this.answered === scr.id || (action === "ok" && input === undefined && !this.ready())) return;
    const body = { screen: scr.id, action, input: input ?? (action === "ok" ? this.entry : ""), item: item ?? 0 };
    this.answered = scr.id;
    this.draw();
    this.send("answer", body);
  }

  key(e) {
    const scr = this.state.screen;
    if (!scr || this.answered === scr.id || e.ctrlKey || e.metaKey || e.altKey || e.target.closest("form, label")) return;
    if (e.key === "Enter" && e.target === this.box) this.answer("ok");
    else if (e.key === "Escape") this.answer("cancel");
    else if (e.key === "Backspace") { if (this.entry) this.edit(this.entry.slice(0, -1)); else this.answer("back"); }
    else if (this.types() && e.key.length === 1 && (scr.digits ? /[0-9*#+]/.test(e.key) : e.key !== " " || e.target === this.box)) this.type(e.key);
    else return;
    e.preventDefault();
    this.box.focus();
  }

  faultPanel() {
    const form = el("form", {},
      el("label", {}, "Next prompt ends with ", el("select", { name: "result" },
        [["", "nothing special"], ["10", "10 user ended"], ["11", "11 back"], ["12", "12 no response"], ["2001", "20 01 screen busy"], ["2002", "20 02 busy on call"], ["22", "22 rejected by user"], ["30", "30 beyond capability"], ["35", "35 SMS error"]]
          .map(([v, t]) => el("option", { value: v }, t)))),
      el("label", {}, "Answer segment ", el("select", { name: "segment" },
        [["", "untouched"], ["drop", "drop the first"], ["duplicate", "duplicate the first"], ["reorder", "send the first after the second"], ["delay", "delay the first by 5 s"]].map(([v, t]) => el("option", { value: v }, t)))),
      el("button", { type: "submit" }, "Set for the next transaction"));
    const done = el("output");
    form.append(done);
    form.addEventListener("change", () => { done.textContent = ""; });
    form.addEventListener("submit", async (e) => {
      e.preventDefault();
      const body = { result: form.result.value, segment: form.segment.value };
      if (await this.send("fault", body)) done.textContent = body.result || body.segment ? "Set." : "No fault is set.";
    });
    return el("details", { class: "faults" }, el("summary", {}, "Faults"), form);
  }
}
