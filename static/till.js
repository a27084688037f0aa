// The keyboard of the till: one key, one meaning on all pages. Without this file every act is still a button.
// F2 find, F4 print again, F8 way to pay, F9 take money, Enter next field, + add a line, Esc clear; arrows: other tokens.
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
    next.dispatchEvent(new Event("input", { bubbles: true }));
    return true;
  };

  const otherToken = (step) => {
    const links = [...document.querySelectorAll(".others a")];
    return press(step > 0 ? links[0] : links[links.length - 1]);
  };

  // Enter goes find -> amount -> received -> amber button. A quote that is still being counted never loses the way.
  const enter = (target) => {
    if (target.id === "amount") return target.value.trim() ? go(at("received")) || go(at("take-money")) : false;
    if (target.id === "received") return go(at("take-money"));
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
    F9: () => press(at("take-money")),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const target = event.target;
    const field = target.matches("input:not([type=radio]):not([type=checkbox]), textarea, select");
    let done = false;
    if (keys[event.key]) done = keys[event.key]();
    else if (event.key === "Enter" && field) done = enter(target);
    else if (event.key === "+" && (target.id === "amount" || !field)) done = press(at("add-line"));
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

  // The basket's sum at the foot is part of the form; when the server sends a new side, the total follows.
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.failed && event.detail.elt.id === "amount") document.getElementById("counted")?.setAttribute("data-stale", "");
  });

  at("amount")?.select?.();
})();
