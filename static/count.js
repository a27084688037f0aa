// Counting notes and coins: shows the sums while typing; the server makes them again. Enter goes to the next row.
"use strict";
(() => {
  const lang = document.documentElement.lang || "en";
  for (const table of document.querySelectorAll("[data-count]")) {
    const decimals = Number(table.dataset.decimals || 2);
    const write = new Intl.NumberFormat(lang, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    const inputs = [...table.querySelectorAll("input[data-minor]")];
    const total = table.querySelector("[data-total]");
    const currency = total.textContent.trim().split(/\s/)[0];
    const show = () => {
      let sum = 0;
      for (const input of inputs) {
        const number = /^\d{1,6}$/.test(input.value.trim()) ? Number(input.value) : 0;
        sum += number * Number(input.dataset.minor);
        input.closest("tr").querySelector("[data-sum]").textContent = number ? write.format(number * Number(input.dataset.minor) / 10 ** decimals) : "";
      }
      total.textContent = currency + " " + write.format(sum / 10 ** decimals);
    };
    table.addEventListener("input", show);
    table.addEventListener("keydown", (event) => {
      const index = inputs.indexOf(event.target);
      const next = event.key === "Enter" || event.key === "ArrowDown" ? inputs[index + 1] : event.key === "ArrowUp" ? inputs[index - 1] : null;
      if (index >= 0 && next) { event.preventDefault(); next.focus(); next.select(); }
    });
    show();
  }
})();
