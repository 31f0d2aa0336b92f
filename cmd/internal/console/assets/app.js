import { Phone } from "./phone.js";
import { Trace } from "./trace.js";
import { Ask } from "./ask.js";

const phones = new Map();
const trace = new Trace();
const ask = new Ask((tx) => trace.show(tx));
const link = document.getElementById("link");
const box = document.getElementById("phones");

function phone(state) {
  const p = phones.get(state.number);
  if (p) return p.update(state);
  const made = new Phone(state);
  phones.set(state.number, made);
  box.append(made.box);
}

const source = new EventSource("events");
source.onopen = () => { link.textContent = "live"; link.classList.remove("lost"); };
source.onerror = () => { link.textContent = "connection lost, trying again"; link.classList.add("lost"); };
source.addEventListener("setup", (e) => { const s = JSON.parse(e.data); trace.setup(s); ask.setup(s); });
source.addEventListener("phone", (e) => phone(JSON.parse(e.data)));
source.addEventListener("trace", (e) => trace.add(JSON.parse(e.data)));
source.addEventListener("result", (e) => ask.result(JSON.parse(e.data)));
