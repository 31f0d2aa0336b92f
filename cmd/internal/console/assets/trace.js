import { el } from "./dom.js";

const limit = 2000;

// Trace is the list of everything that happened, filtered by transaction and
// layer. Octets stay in the page; nothing is fetched again.
export class Trace {
  constructor() {
    this.list = document.getElementById("trace-list");
    this.empty = document.getElementById("trace-empty");
    this.tx = document.getElementById("trace-tx");
    this.layer = document.getElementById("trace-layer");
    this.events = [];
    this.last = 0; // the number of the newest event; a stream that connects again repeats older ones
    this.refs = new Map(); // AP_TransID: MSSP_TransID, learnt from the first reply
    this.tx.onchange = this.layer.onchange = () => this.redraw();
    document.getElementById("trace-clear").onclick = () => { this.events = []; this.redraw(); };
  }

  // setup is told which run of the server speaks: another one counts its
  // events from 1 again.
  setup({ run }) {
    if (this.run === run) return;
    this.run = run;
    this.events = [];
    this.last = 0;
    this.refs.clear();
    for (const s of [this.tx, this.layer]) s.replaceChildren(s.options[0]);
    this.redraw();
  }

  add(ev) {
    if (ev.seq <= this.last) return;
    this.last = ev.seq;
    this.events.push(ev);
    if (this.events.length > limit) this.drop(this.events.shift());
    option(this.tx, ev.tx);
    option(this.layer, ev.layer);
    if (ev.ref && ev.tx && !this.refs.has(ev.ref)) {
      this.refs.set(ev.ref, ev.tx);
      // Its request came without; the list may show this transaction already.
      if (this.tx.value) for (const e of this.events) if (e.ref === ev.ref && !e.tx && this.matches(e)) this.place(e);
    }
    if (this.matches(ev)) this.place(ev);
  }

  // drop forgets the oldest event: its line, when it has one, and its
  // transaction, when that was the last of it.
  drop(old) {
    if (this.list.firstChild && this.list.firstChild.dataset.seq === String(old.seq)) this.list.firstChild.remove();
    if (old.ref && !this.events.some((e) => e.ref === old.ref)) this.refs.delete(old.ref);
    if (old.tx && old.tx !== this.tx.value && !this.events.some((e) => e.tx === old.tx)) [...this.tx.options].find((o) => o.value === old.tx)?.remove();
  }

  // show narrows the list to one transaction.
  show(tx) { option(this.tx, tx); this.tx.value = tx; this.redraw(); }

  matches(ev) { return (!this.tx.value || (ev.tx || this.refs.get(ev.ref)) === this.tx.value) && (!this.layer.value || ev.layer === this.layer.value); }

  redraw() {
    this.list.replaceChildren();
    this.empty.hidden = false;
    for (const ev of this.events) if (this.matches(ev)) this.place(ev);
  }

  // place puts the line of an event among the others, which is at their end but
  // for late ones.
  place(ev) {
    this.empty.hidden = true;
    const detail = el("div", { class: "detail" });
    if (ev.fields && ev.fields.length) detail.append(el("dl", {}, ev.fields.map(([k, v]) => [el("dt", {}, k), el("dd", {}, v)])));
    if (ev.octets) detail.append(el("pre", { class: "octets" }, group(ev.octets)));
    let next = null;
    for (let li = this.list.lastChild; li && Number(li.dataset.seq) > ev.seq; li = li.previousSibling) next = li;
    this.list.insertBefore(el("li", { "data-seq": ev.seq }, el("details", {},
      el("summary", {}, el("time", { datetime: ev.at }, ev.at.slice(11, 23)), el("span", { class: `layer ${ev.layer}` }, `${ev.dir ? ev.dir + " " : ""}${ev.layer}`),
        el("span", { class: "who" }, ev.number || ""), el("span", {}, ev.summary)), detail)), next);
    this.follow();
  }

  // follow keeps the newest line in view while the reader has not scrolled
  // away from it. Many lines come at once: one look at the layout is enough.
  follow() {
    if (this.following) return;
    const { scrollHeight, scrollTop, clientHeight } = this.list;
    this.following = scrollHeight - scrollTop - clientHeight < 80;
    if (this.following) setTimeout(() => { this.following = false; this.list.scrollTop = this.list.scrollHeight; }, 30);
  }
}

function option(select, value) {
  if (!value || [...select.options].some((o) => o.value === value)) return;
  select.append(el("option", { value }, value));
}

// group splits hexadecimal octets into pairs, sixteen a line.
function group(hex) {
  return (hex.match(/.{1,32}/g) || []).map((line, i) => `${(i * 16).toString(16).padStart(4, "0")}  ${line.match(/.{1,2}/g).join(" ")}`).join("\n");
}
