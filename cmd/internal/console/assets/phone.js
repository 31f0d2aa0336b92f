import { el, post } from "./dom.js";

const keys = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];

// Phone draws one emulated handset from the snapshots that the server sends.
// The code that is typed lives here until OK and is never drawn when hidden.
export class Phone {
  constructor(state) {
    this.entry = "";
    this.box = el("section", { class: "phone", tabindex: "0" });
    this.box.addEventListener("keydown", (e) => this.key(e));
    this.live = el("p", { class: "sr", role: "alert", style: "position:absolute;left:-9999px" });
    this.head = el("h2");
    this.screen = el("div", { class: "screen" });
    this.soft = el("div", { class: "softkeys" });
    this.pad = el("div", { class: "keypad", role: "group", "aria-label": "Keypad" },
      keys.map((k) => el("button", { type: "button", onclick: () => this.type(k) }, k)));
    this.switches = el("div", { class: "switches" });
    this.faults = this.faultPanel();
    this.box.append(this.head, this.live, this.screen, this.soft, this.pad, this.switches, this.faults);
    this.update(state);
  }

  url(what) { return `handset/${encodeURIComponent(this.state.number)}/${what}`; }

  async send(what, body) {
    try { await post(this.url(what), body); this.note(""); } catch (e) { this.note(e.message); }
  }

  note(text) { if (text) this.live.textContent = text; this.error = text; if (text) this.draw(); }

  update(state) {
    const before = this.state && this.state.screen && this.state.screen.id;
    const now = state.screen && state.screen.id;
    this.state = state;
    if (before !== now) {
      this.entry = (state.screen && state.screen.default) || "";
      this.error = "";
      this.box.classList.toggle("ringing", Boolean(now));
      this.live.textContent = state.screen ? state.screen.text : "";
    }
    this.draw();
  }

  draw() {
    const s = this.state, scr = s.screen;
    this.box.setAttribute("aria-label", `Emulated handset of ${s.name || s.number}`);
    this.head.replaceChildren(el("span", {}, s.name || s.number), el("small", {}, s.card || ""));
    const status = el("div", { class: "status" }, el("span", {}, s.number), el("span", {}, !s.on ? "off" : s.coverage ? "▂▄▆ net" : "no coverage"));
    this.screen.replaceChildren(status, ...(!s.on ? [el("p", { class: "text" }, "")] : scr ? this.prompt(scr) : [this.idle()]));
    if (this.error) this.screen.append(el("p", { class: "bad", role: "alert" }, this.error));
    this.soft.replaceChildren(
      el("button", { type: "button", class: "cancel", disabled: !scr, onclick: () => this.answer("cancel") }, "Cancel"),
      el("button", { type: "button", disabled: !scr, onclick: () => this.answer("back") }, "Back"),
      el("button", { type: "button", class: "ok", disabled: !scr || !this.ready(), onclick: () => this.answer("ok") }, "OK"));
    this.switches.replaceChildren(this.toggle("on", "Switched on", s.on), this.toggle("coverage", "Coverage", s.coverage));
  }

  toggle(name, label, value) {
    return el("label", {}, el("input", { type: "checkbox", checked: value, onchange: (e) => this.send("state", { [name]: e.target.checked }) }), " ", label);
  }

  prompt(scr) {
    const out = [el("pre", { class: "text", title: `octets as the card sent them: ${scr.octets}` }, scr.text)];
    if (scr.kind === "select") {
      out.push(...scr.items.map((i) => el("button", { type: "button", onclick: () => this.answer("ok", "", i.id) }, i.text)));
    } else if (scr.kind === "yesno") {
      out.push(el("button", { type: "button", onclick: () => this.answer("ok", "yes") }, "Yes"), el("button", { type: "button", onclick: () => this.answer("ok", "no") }, "No"));
    } else if (scr.kind !== "text") {
      const shown = scr.hidden ? "•".repeat(this.entry.length) : this.entry;
      out.push(el("div", { class: "entry", role: "textbox", "aria-readonly": "true", "aria-label": scr.hidden ? `${this.entry.length} hidden digits entered` : "Entry" }, shown || "\u00a0"));
      const range = scr.min === scr.max ? `${scr.min}` : `${scr.min} to ${scr.max}`;
      out.push(el("p", { class: "entry-hint" }, `${range} ${scr.digits ? "digits" : "characters"}; type on the keyboard or use the keypad`));
    }
    return out;
  }

  idle() {
    const s = this.state, box = el("div", { class: "idle" });
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
    if (!scr) return false;
    if (scr.kind === "select" || scr.kind === "yesno") return false;
    return scr.kind === "text" || (this.entry.length >= scr.min && this.entry.length <= scr.max);
  }

  type(k) {
    const scr = this.state.screen;
    if (!scr || scr.kind === "text" || scr.kind === "select" || scr.kind === "yesno" || this.entry.length >= scr.max) return;
    this.entry += k;
    this.draw();
  }

  answer(action, input, item) {
    const scr = this.state.screen;
    if (!scr || (action === "ok" && input === undefined && !this.ready())) return;
    const body = { screen: scr.id, action, input: input ?? (action === "ok" ? this.entry : ""), item: item ?? 0 };
    this.entry = "";
    this.send("answer", body);
  }

  key(e) {
    const scr = this.state.screen;
    if (!scr || e.ctrlKey || e.metaKey || e.altKey || e.target.closest("form, label")) return;
    if (e.key === "Enter" && e.target === this.box) this.answer("ok");
    else if (e.key === "Escape") this.answer("cancel");
    else if (e.key === "Backspace") { if (this.entry) { this.entry = this.entry.slice(0, -1); this.draw(); } else this.answer("back"); }
    else if (e.key.length === 1 && e.key !== " " && (scr.digits ? /[0-9*#+]/.test(e.key) : true)) this.type(e.key);
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
    form.addEventListener("submit", (e) => { e.preventDefault(); this.send("fault", { result: form.result.value, segment: form.segment.value }); });
    return el("details", { class: "faults" }, el("summary", {}, "Faults"), form);
  }
}
