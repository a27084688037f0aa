// The keypad page with JavaScript: keys write into the field, the glass shows what is typed, and both sides stay live. Without
// it the same keys are buttons of a plain form. Nothing here knows what a token means.
"use strict";
(() => {
  document.documentElement.classList.add("js");
  const page = document.querySelector(".keypad-page");
  if (!page) return;
  const field = document.getElementById("token");
  const typed = document.getElementById("typed");
  const digitsOf = (text) => text.replace(/\D/g, "").slice(0, 20);

  const draw = () => {
    const digits = digitsOf(field.value);
    typed.value = digits;
    document.querySelectorAll("#groups i").forEach((cell, at) => {
      cell.textContent = digits[at] ?? "";
      cell.classList.toggle("lit", at < digits.length);
    });
  };

  // Sound is off unless switched on: a short tick for a key, two rising notes for ACCEPT, one low note for REJECT.
  const sound = document.getElementById("sound");
  sound.checked = localStorage.getItem("meter-sound") === "on";
  sound.addEventListener("change", () => localStorage.setItem("meter-sound", sound.checked ? "on" : "off"));
  const play = (...notes) => {
    if (!sound.checked) return;
    const audio = new AudioContext();
    notes.forEach(([pitch, seconds], at) => {
      const tone = audio.createOscillator();
      tone.frequency.value = pitch;
      tone.connect(audio.destination);
      tone.start(audio.currentTime + at * 0.14);
      tone.stop(audio.currentTime + at * 0.14 + seconds);
    });
  };
  const outcome = document.getElementById("outcome").textContent;
  const navigated = performance.getEntriesByType("navigation")[0];
  if (outcome && navigated && navigated.redirectCount > 0) {
    outcome === "ACCEPTED" ? play([660, 0.12], [880, 0.16]) : play([196, 0.3]);
  }

  const press = (key) => {
    const digits = digitsOf(field.value);
    field.value = key === "delete" ? digits.slice(0, -1) : (digits + key).slice(0, 20);
    play([880, 0.03]);
    draw();
  };

  document.getElementById("press").addEventListener("submit", (event) => {
    if (!event.submitter) return;
    event.preventDefault();
    press(event.submitter.value);
  });
  field.addEventListener("input", draw);

  // Digits typed anywhere on the page are keys of the meter; a pasted slip too.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
    const key = /^[0-9]$/.test(event.key) ? event.key : event.key === "Backspace" ? "delete" : "";
    if (!key) return;
    event.preventDefault();
    const button = document.querySelector(`.keys [value="${key}"]`);
    button?.classList.add("pressed");
    setTimeout(() => button?.classList.remove("pressed"), 120);
    press(key);
  });
  document.addEventListener("paste", (event) => {
    if (event.target.closest("input, textarea")) return;
    field.value = event.clipboardData.getData("text").slice(0, 40);
    draw();
  });

  const watts = document.getElementById("watts");
  watts?.addEventListener("input", () => {
    const shown = document.getElementById("watts-now");
    shown.textContent = watts.dataset.unit === "kW" ? (watts.value / 1000).toFixed(2) + " kW" : watts.value + " " + watts.dataset.unit;
  });

  let turn = Number(new URLSearchParams(location.search).get("page") ?? 0);
  const live = async () => {
    if (document.hidden) return;
    turn += 1;
    try {
      const answer = await fetch(`${page.dataset.parts}?page=${turn % 100000}`);
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const id of ["glass", "lights", "side"]) {
        const now = document.getElementById(id);
        const next = fresh.getElementById(id);
        if (now && next && now.outerHTML !== next.outerHTML) now.replaceWith(document.adoptNode(next));
      }
      draw();
    } catch {
      // The building is away for a moment; the page keeps what it last knew.
    }
  };
  setInterval(live, 2500);
  draw();
})();
