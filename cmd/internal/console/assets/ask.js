import { el, post } from "./dom.js";

// Ask is the small application provider beside the handsets.
export class Ask {
  constructor(asked) {
    this.asked = asked; // told the transaction
    this.form = document.getElementById("ask-form");
    this.out = document.getElementById("ask-result");
    this.form.addEventListener("submit", (e) => { e.preventDefault(); this.ask(); });
  }

  setup(users, profiles) {
    this.form.number.replaceChildren(...users.map((u) => el("option", { value: u.number }, `${u.name} ${u.number}`)));
    this.form.profile.replaceChildren(...profiles.map((p) => el("option", { value: p.uri }, p.label)));
  }

  async ask() {
    const f = this.form, button = f.querySelector("button");
    button.disabled = true;
    this.out.replaceChildren(el("p", {}, "Asking"));
    try {
      const r = await post("ask", { number: f.number.value, text: f.text.value, profile: f.profile.value, format: f.format.value });
      this.current = r.id;
      this.asked(r.id);
      this.out.replaceChildren(el("p", {}, "Compare this code with the handset:"), el("p", { class: "reference", id: "reference" }, r.reference || "none"), el("p", { class: "hint" }, `Transaction ${r.id}`));
    } catch (e) {
      this.out.replaceChildren(el("p", { class: "bad" }, e.message));
    }
    button.disabled = false;
  }

  // result is told by the server when a transaction that was asked here ends.
  result(r) {
    if (r.id !== this.current) return;
    const ok = r.code === "500" || r.code === "502";
    this.out.append(el("p", { class: ok ? "good" : "bad", id: "outcome" }, `${r.code} ${r.message}`));
    if (r.detail) this.out.append(el("p", {}, r.detail));
    if (r.signer) this.out.append(el("p", {}, r.signer));
    if (r.signature) this.out.append(el("p", {}, el("a", { href: `ask/${encodeURIComponent(r.id)}/signature`, download: "" }, "Save the signature")));
  }
}
