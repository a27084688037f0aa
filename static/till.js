// The keyboard of the till: one key, one meaning on all pages. Without this file every act is still a button.
// F2 find, F4 print again, F8 way to pay, F9 take money, Enter next field, + add a line, * without a token, Esc clear;
// arrows: other tokens.
"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const press = (element) => { if (element && !element.disabled) { element.click(); return true; } return false; };
  const go = (element) => { if (!element) return false; element.focus(); element.select?.(); return true; };

  const nextTender = () => {
    const all = [...document.querySelectorAll('input[name="tender"]')];
    if (!all.length) return false;
    const next = all[(all.findIndex((one) => one.checked) + 1) % all.length];
    next.checked = true;
    next.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  };

  const withoutToken = () => {
    const charges = at("charges");
    if (!charges) return false;
    charges.open = true;
    return go(at("charge"));
  };

  const otherToken = (step) => {
    const links = [...document.querySelectorAll(".others a")];
    return press(step > 0 ? links[0] : links[links.length - 1]);
  };

  // Hands are faster than a count. Until the amount on the screen is the amount that was counted, keys wait in a row
  // and are played when the answer is there; nobody's digits land in the wrong field, and nothing is taken uncounted.
  let counted = at("amount")?.value ?? "";
  let waiting = null;
  const ready = () => !at("amount") || at("amount").value === counted || !at("amount").value.trim();
  const release = () => {
    const keys = waiting ?? [];
    waiting = null;
    let fresh = true;
    for (const key of keys) {
      const here = document.activeElement;
      if (key === "F9") { press(at("take-money")); return; }
      if (key === "+") { press(at("add-line")); return; }
      if (key === "*") { withoutToken(); return; }
      if (key === "Enter") { if (!enter(here)) { here.click?.(); return; } fresh = true; }
      else if (key.length === 1 && here.matches?.("input")) { here.value = fresh ? key : here.value + key; fresh = false; }
      else if (key === "Backspace" && here.matches?.("input")) here.value = here.value.slice(0, -1);
    }
    if (!fresh) document.activeElement.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const wait = (key) => {
    if (!window.htmx) return false;
    waiting = [key];
    window.htmx.trigger(at("amount"), "count");
    setTimeout(() => { if (waiting) { counted = at("amount")?.value ?? ""; release(); } }, 4000);
    return true;
  };
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.requestConfig?.elt?.id !== "amount" && event.target.id !== "counted") return;
    counted = at("amount")?.value ?? "";
    if (waiting) release();
  });

  // Enter goes find -> amount -> received -> amber button.
  const enter = (target) => {
    if (target.id === "amount") {
      if (!target.value.trim()) return false;
      if (!ready() && wait("Enter")) return true;
      return go(at("received")) || go(at("take-money"));
    }
    if (target.id === "received") return go(at("take-money"));
    if (target.id === "charge") return go(at("charge-amount"));
    if (target.id === "charge-amount" || target.id === "charge_times") return press(at("put-charge"));
    return false;
  };

  const escape = (target) => {
    if (document.querySelector(":popover-open")) return false;
    if (target.matches?.("#amount, #received, #find") && target.value) {
      target.value = "";
      target.dispatchEvent(new Event("input", { bubbles: true }));
      return true;
    }
    const line = document.querySelector('.basket [aria-current] [value^="remove:"]') || document.querySelector('a[aria-keyshortcuts="Esc"]');
    return press(line);
  };

  const keys = {
    F2: () => go(at("find")) || press(at("next-customer")),
    F4: () => press(at("print-again")) || press(document.querySelector(".last form button")),
    F8: nextTender,
    F9: () => (!ready() && wait("F9")) || press(at("take-money")),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (waiting && (event.key.length === 1 || ["Enter", "Backspace", "F9"].includes(event.key))) {
      waiting.push(event.key);
      event.preventDefault();
      return;
    }
    const target = event.target;
    const field = target.matches("input:not([type=radio]):not([type=checkbox]), textarea, select");
    let done = false;
    if (keys[event.key]) done = keys[event.key]();
    else if (event.key === "Enter" && field) done = enter(target);
    else if (event.key === "+" && (target.id === "amount" || !field)) done = (!ready() && wait("+")) || press(at("add-line"));
    else if (event.key === "*" && (target.id === "amount" || !field)) done = (!ready() && wait("*")) || withoutToken();
    else if (event.key === "Escape") done = escape(target);
    else if (event.key === "ArrowRight" && !field) done = otherToken(1);
    else if (event.key === "ArrowLeft" && !field) done = otherToken(-1);
    if (done) event.preventDefault();
  });

  // The list of matches: arrow down goes into it, Enter on the field takes the only or the first match.
  document.addEventListener("keydown", (event) => {
    const links = [...document.querySelectorAll("#matches a")];
    if (!links.length || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
    const index = links.indexOf(document.activeElement);
    if (event.target.id !== "find" && index < 0) return;
    event.preventDefault();
    if (event.key === "ArrowUp" && index <= 0) go(at("find"));
    else links[Math.min(links.length - 1, index + (event.key === "ArrowDown" ? 1 : -1))].focus();
  });

  at("amount")?.select?.();
})();
