import { el, post } from "./dom.js";

const kept = "simsign.ask";

// Ask is the small application provider beside the handsets. What it waits
// for outlives a reload of the page (in this tab), and the server repeats the
// outcomes when the page connects again.
export class Ask {
  constructor(asked) {
    this.asked = asked; // told the transaction
    this.form = document.getElementById("ask-form");
    this.out = document.getElementById("ask-result");
    this.results = new Map(); // a result may overtake the reply to the form
    this.form.addEventListener("submit", (e) => { e.preventDefault(); this.ask(); });
  }

  // setup takes the lists of the form, and which run of the server speaks:
  // another one knows nothing of what was asked before.
  setup({ users, profiles, run }) {
    fill(this.form.number, users.map((u) => [u.number, `${u.name} ${u.number}`]));
    fill(this.form.profile, profiles.map((p) => [p.uri, p.label]));
    const before = JSON.parse(sessionStorage.getItem(kept) || "null");
    if (!this.current && before && before.run === run) this.show(before);
    else if (this.current && this.run !== run && !this.ended) this.end("bad", "The demonstration was started again: ask again");
    this.run = run;
  }

  async ask() {
    const f = this.form, button = f.querySelector("button");
    button.disabled = true;
    this.current = null;
    this.out.replaceChildren(el("p", {}, "Asking"));
    try {
      const r = await post("ask", { number: f.number.value, text: f.text.value, profile: f.profile.value, format: f.format.value });
      sessionStorage.setItem(kept, JSON.stringify({ run: this.run, id: r.id, reference: r.reference }));
      this.show(r);
    } catch (e) {
      this.out.replaceChildren(el("p", { class: "bad" }, e.message));
    }
    button.disabled = false;
    if (document.activeElement === document.body) button.focus(); // it was lost with "disabled"
  }

  show(r) {
    this.current = r.id;
    this.ended = false;
    this.asked(r.id);
    this.out.replaceChildren(el("p", {}, "Compare this code with the handset:"), el("p", { class: "reference", id: "reference" }, r.reference || "none"), el("p", { class: "hint" }, `Transaction ${r.id}`));
    if (this.results.has(r.id)) this.result(this.results.get(r.id));
  }

  // result is told by the server when a transaction that was asked here ends.
  result(r) {
    this.results.set(r.id, r);
    if (this.results.size > 200) this.results.delete(this.results.keys().next().value);
    if (r.id !== this.current || this.ended) return;
    this.end(r.code === "500" || r.code === "502" ? "good" : "bad", `${r.code} ${r.message}`);
    if (r.detail) this.out.append(el("p", {}, r.detail));
    if (r.signer) this.out.append(el("p", {}, r.signer));
    if (r.signature) this.out.append(el("p", {}, el("a", { href: `ask/${encodeURIComponent(r.id)}/signature`, download: "" }, "Save the signature")));
  }

  end(how, text) {
    this.ended = true;
    this.out.append(el("p", { class: how, id: "outcome" }, text));
  }
}

// fill keeps what was chosen.
function fill(select, options) {
  const chosen = select.value;
  select.replaceChildren(...options.map(([value, text]) => el("option", { value }, text)));
  if (options.some(([value]) => value === chosen)) select.value = chosen;
}
