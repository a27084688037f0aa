// What every page has with JavaScript: the key list on "?", copying, one click counting once, the cashier's clock.
// No page needs it. Nothing here decides anything about money or tokens.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");

  const typing = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "?" && !typing(event.target)) {
      event.preventDefault();
      document.getElementById("help")?.togglePopover();
    }
  });

  document.addEventListener("click", async (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      const text = document.querySelector(copy.dataset.copy)?.textContent.trim();
      if (!text) return;
      try {
        await navigator.clipboard.writeText(text);
        copy.textContent = copy.dataset.done;
      } catch {
        // Without a secure page there is no clipboard: select the digits, so that Ctrl C takes them.
        getSelection().selectAllChildren(document.querySelector(copy.dataset.copy));
      }
    }
    if (event.target.closest("[data-print]")) print();
  });

  // A click counts once: the second one is swallowed while the first is on its way. The order id on the page makes
  // it harmless anyway; this only spares the cashier a doubt.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.hasAttribute("data-once")) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    setTimeout(() => { delete form.dataset.sent; }, 8000);
  });
  addEventListener("pageshow", () => document.querySelectorAll("[data-sent]").forEach((form) => delete form.dataset.sent));

  // The clock goes on from the server's minute, not from this computer's.
  const clock = document.getElementById("clock");
  const shown = clock?.textContent.match(/^(\d\d):(\d\d)$/);
  if (shown) {
    const start = Number(shown[1]) * 60 + Number(shown[2]);
    const from = performance.now();
    setInterval(() => {
      const minute = (start + Math.floor((performance.now() - from) / 60000)) % 1440;
      clock.textContent = String(Math.floor(minute / 60)).padStart(2, "0") + ":" + String(minute % 60).padStart(2, "0");
    }, 5000);
  }

  // A slip on a roll is as long as what is on it: the page's length is set when it prints.
  const roll = document.body?.matches(".paper-80, .paper-58") && document.querySelector(".paper");
  if (roll) {
    const sheet = new CSSStyleSheet();
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    const measure = () => {
      const length = Math.ceil(roll.getBoundingClientRect().height * 25.4 / 96) + 6;
      sheet.replaceSync(`@page eighty { size: 80mm ${length}mm } @page fiftyeight { size: 58mm ${length}mm }`);
    };
    measure();
    addEventListener("beforeprint", measure);
  }

  document.querySelectorAll("[data-print][data-now]").forEach(() => addEventListener("load", () => print()));
})();
