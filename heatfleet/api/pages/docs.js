"use strict";
// What the page can do beyond reading: sign in, find an operation, try one. Without this file it stays complete.

const one = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const base = document.body.dataset.base;
const SHOWN = ["etag", "link", "location", "retry-after", "ratelimit-remaining", "ratelimit-reset", "x-request-id", "x-fleet-time"];
let token = null; // in memory only, never stored

// ---- sign in and out ----

const dialog = one("#sign-in-dialog");

function chooseGrant(event) {
  for (const form of all("form", dialog)) form.hidden = form.dataset.grant !== event.target.value;
}

async function signIn(event) {
  event.preventDefault();
  const form = event.target;
  const body = new URLSearchParams(new FormData(form));
  const button = one("button.main", form);
  tellFault(form, "");
  button.disabled = true;
  try {
    const answer = await fetch(`${base}/auth/token`, { method: "POST", body, credentials: "omit" });
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.error_description || said.detail || `Status ${answer.status}`);
    await welcome(said.access_token);
    form.reset();
    dialog.close();
  } catch (fault) {
    tellFault(form, fault.message);
  } finally {
    button.disabled = false;
  }
}

async function welcome(fresh) {
  const answer = await fetch(`${base}/me`, { headers: { Authorization: `Bearer ${fresh}` }, credentials: "omit" });
  const me = await answer.json();
  if (!answer.ok) throw new Error(me.detail);
  token = fresh;
  fillIn("org_id", me.org_id);
  if (me.user_id) fillIn("user_id", me.user_id);
  const [kind, id] = me.user_id ? ["user", me.user_id] : ["client", me.client_id];
  showWho(`${me.role}, ${kind} …${id.slice(-6)}`, `Signed in as ${kind} ${id}, ${me.role} of organisation ${me.org_id}`);
}

function signOut() {
  token = null;
  showWho("", "");
  one("#sign-in").focus();
}

function showWho(text, title) {
  const who = one("#who");
  who.textContent = text && `Signed in: ${text}`;
  who.title = title;
  who.hidden = !text;
  one("#sign-in").hidden = Boolean(text);
  one("#sign-out").hidden = !text;
  document.body.classList.toggle("signed-in", Boolean(text));
}

function fillIn(name, value) {
  for (const field of all(`.try [data-in="path"][name="${name}"]`)) field.value = value;
  all(".try[open] form").forEach(showCurl);
}

function tellFault(form, text) {
  const fault = one(".fault", form);
  fault.textContent = text;
  fault.hidden = !text;
}

// ---- try an operation ----

function requestOf(form) {
  const { method, path, open } = form.dataset;
  const query = new URLSearchParams();
  const headers = {};
  let where = path;
  for (const field of all("[data-in]", form)) {
    const value = field.value.trim();
    if (!value) continue;
    if (field.dataset.in === "path") where = where.replace(`{${field.name}}`, encodeURIComponent(value));
    else if (field.dataset.in === "query") query.append(field.name, value);
    else headers[field.name] = value;
  }
  const area = one("textarea", form);
  if (area) headers["Content-Type"] = area.dataset.type;
  const url = where + (`${query}` && `?${query}`);
  return { method, url, headers, body: area ? area.value : undefined, needsToken: open === "no" };
}

function curlOf({ method, url, headers, body, needsToken }) {
  const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const lines = [`curl -i${method === "GET" ? "" : ` -X ${method}`} ${quote(location.origin + url)}`];
  if (needsToken) lines.push('-H "Authorization: Bearer $TOKEN"');
  for (const [name, value] of Object.entries(headers)) lines.push(`-H ${quote(`${name}: ${value}`)}`);
  if (body !== undefined) lines.push(`--data-raw ${quote(body)}`);
  return lines.join(" \\\n  ");
}

function showCurl(form) {
  one(".curl", form).textContent = curlOf(requestOf(form));
}

function bodyFault(form) {
  const area = one("textarea", form);
  if (!area || area.dataset.type !== "application/json") return "";
  try {
    JSON.parse(area.value);
    return "";
  } catch (fault) {
    area.focus();
    return `The body is not JSON: ${fault.message}`;
  }
}

async function send(event) {
  event.preventDefault();
  const form = event.target;
  const fault = bodyFault(form);
  one("textarea", form)?.setAttribute("aria-invalid", String(Boolean(fault)));
  tellFault(form, fault);
  if (fault) return;
  const { method, url, headers, body, needsToken } = requestOf(form);
  if (needsToken && token) headers.Authorization = `Bearer ${token}`;
  const button = one("button.main", form);
  button.disabled = true;
  const began = performance.now();
  try {
    const answer = await fetch(url, { method, headers, body, credentials: "omit", cache: "no-store" });
    const text = await answer.text();
    showAnswer(form, answer, text, Math.round(performance.now() - began));
  } catch (problem) {
    tellFault(form, `No answer: ${problem.message}`);
  } finally {
    button.disabled = false;
  }
}

function showAnswer(form, answer, text, tookMs) {
  const shown = one(".answer", form);
  const status = one(".status", shown);
  status.textContent = `${answer.status} ${answer.statusText}`;
  status.className = `status s${String(answer.status)[0]}`;
  one(".hint", shown).textContent = `${tookMs} ms, ${new Blob([text]).size.toLocaleString("en")} bytes`;
  one(".headers", shown).replaceChildren(
    ...SHOWN.filter((name) => answer.headers.has(name)).flatMap((name) => [
      element("dt", name),
      element("dd", answer.headers.get(name)),
    ]),
  );
  showNext(form, one(".next", shown), answer.headers.get("link"));
  const pre = one("pre", shown);
  pre.hidden = !text;
  paint(pre, pretty(text, answer.headers.get("content-type") || ""));
  shown.hidden = false;
}

function showNext(form, button, link) {
  const next = /<([^>]+)>;\s*rel="next"/.exec(link || "");
  const after = one('[data-in="query"][name="after"]', form);
  button.hidden = !next || !after;
  button.onclick = () => {
    after.value = new URL(next[1], location.origin).searchParams.get("after");
    showCurl(form);
    form.requestSubmit();
  };
}

function pretty(text, type) {
  if (!type.includes("json")) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function element(name, text, className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}

function paint(pre, text) {
  pre.replaceChildren();
  let end = 0;
  const words = /("(?:\\.|[^"\\])*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
  for (const found of text.length < 200_000 ? text.matchAll(words) : []) {
    const [whole, string, colon] = found;
    pre.append(text.slice(end, found.index));
    pre.append(element("span", string || whole, colon ? "name" : string ? "text" : "value"), colon || "");
    end = found.index + whole.length;
  }
  pre.append(text.slice(end));
}

async function copy(button) {
  const pre = one(".curl", button.parentElement);
  try {
    await navigator.clipboard.writeText(pre.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(pre); // no clipboard here: at least it is selected
    button.textContent = "Selected";
  }
  setTimeout(() => (button.textContent = "Copy"), 1500);
}

// ---- the index ----

const index = one("#index");
const filter = one("#filter");

function find() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const section of all("section", index)) {
    const items = all("li", section);
    for (const item of items) {
      const text = `${item.textContent} ${one("a", item).dataset.words}`.toLowerCase();
      item.hidden = !words.every((word) => text.includes(word));
    }
    const left = items.filter((item) => !item.hidden).length;
    section.hidden = left === 0;
    count += left;
  }
  one("#found").textContent = words.length ? `${count} found` : "";
}

function watchPlace() {
  const links = new Map(all("a", index).map((link) => [link.hash.slice(1), link]));
  const watcher = new IntersectionObserver(
    (entries) => {
      const seen = entries.find((entry) => entry.isIntersecting);
      if (!seen) return;
      for (const link of links.values()) link.removeAttribute("aria-current");
      const link = links.get(seen.target.id);
      link?.setAttribute("aria-current", "true");
      if (link && !index.contains(document.activeElement)) {
        index.scrollTop = Math.max(0, link.offsetTop - index.clientHeight / 2);
      }
    },
    { rootMargin: "-15% 0px -75% 0px" },
  );
  all(".operation").forEach((section) => watcher.observe(section));
}

// ---- everything listens ----

document.documentElement.classList.add("js");
one(".search").hidden = false;
one("#sign-in").hidden = false;
one("#sign-in").addEventListener("click", () => dialog.showModal());
one("#sign-out").addEventListener("click", signOut);
for (const form of all("form", dialog)) {
  form.addEventListener("submit", signIn);
  one(".cancel", form).addEventListener("click", () => dialog.close());
}
one(".tabs").addEventListener("change", chooseGrant);
filter.addEventListener("input", find);
index.addEventListener("click", (event) => event.target.closest("a") && index.matches(":popover-open") && index.hidePopover());
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.closest("input, textarea, select, dialog")) return;
  event.preventDefault();
  if (getComputedStyle(index).display === "none") index.showPopover();
  filter.focus();
});
for (const details of all(".try")) {
  const form = one("form", details);
  details.addEventListener("toggle", () => showCurl(form));
  form.addEventListener("input", () => showCurl(form));
  form.addEventListener("change", (event) => {
    if (event.target.dataset.in === "path") fillIn(event.target.name, event.target.value.trim());
  });
  form.addEventListener("submit", send);
  one(".copy", form).addEventListener("click", (event) => copy(event.target));
}
all("section > pre.json").forEach((pre) => paint(pre, pre.textContent));
watchPlace();
