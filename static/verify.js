/* Checks a receipt in the browser, from the texts of its squares, with nothing fetched: the same file works in the saved page.
   It shares no code with the writer, and asks the browser for no cryptography: WebCrypto's Ed25519 is missing from half of the
   phones in use and from pages without TLS, and verifying handles nothing secret, so plain arithmetic is enough.
   The format is docs/reference/receipt-qr.md. */
"use strict";
(() => {
  const NAME = "AMPOULE2";
  const DICTIONARY = new TextEncoder().encode(
    '"left_minor":"percent":"base_minor":"id":"kept-before","kind":"kept","label":"Kept from last time","why":""},' +
    '"id":"kept","kind":"kept","label":"Kept for next time","why":"less than the meter can count"},' +
    '"id":"arrears","kind":"deduction","label":"Arrears, ","id":"vat","kind":"tax","label":"VAT","percent":"15","why":"15 %"},' +
    '"id":"service","kind":"fixed","label":"Service charge","parts":[["1","month","day","purchase","' +
    '"id":"energy","kind":"energy","label":"Electricity","parts":[["kWh","block 1"],["kl","m³","waived"]],"why":" kWh × "},' +
    '{"currency":"ZAR","form":"ampoule-slip/1","orders":[{"kind":"sale","lines":[{"amount_minor":' +
    '],"meter":"600727","order":"-4","paid_minor":000,"service":"electricity","service":"water","tariff":" version 1",' +
    '"units":],"receipt":"N1-000","sold_at":"2026-T:00Z","total_minor":00}');
  const WIDTHS = {3: 1, 5: 2, 8: 3, 10: 4, 13: 5, 15: 6, 17: 7};
  const NO_DECIMALS = ["JPY", "UGX", "XAF", "XOF", "KRW", "VND", "CLP", "RWF"];
  const THREE_DECIMALS = ["KWD", "TND", "BHD", "OMR", "JOD", "LYD", "IQD"];
  const LARGEST_CONTENT = 1 << 20;

  class Bad extends Error {
    constructor(sentence, values = {}) {
      super(fill(sentence, values));
      this.sentence = sentence;
      this.values = values;
    }
  }
  const fill = (sentence, values) => sentence.replace(/%\((\w+)\)s/g, (_all, name) => values[name]);

  // --- bytes

  const bytesOf = (text) => new TextEncoder().encode(text);
  const hex = (bytes) => Array.from(bytes, (one) => one.toString(16).padStart(2, "0")).join("");
  const unhex = (text) => {
    if (!/^([0-9a-f]{2})*$/.test(text)) throw new Bad("This is not a proof file.");
    return Uint8Array.from(text.match(/../g) || [], (two) => parseInt(two, 16));
  };
  const join = (...parts) => {
    const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) { all.set(part, at); at += part.length; }
    return all;
  };
  const same = (a, b) => a.length === b.length && a.every((one, at) => one === b[at]);
  const unbase64 = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));

  // --- SHA-256 and SHA-512 (FIPS 180-4): one shape, two word sizes. The constants are the fractions of roots of primes.

  const primes = [];
  for (let n = 2; primes.length < 80; n++) if (primes.every((prime) => n % prime)) primes.push(n);
  const root = (value, power) => {
    let low = 0n, high = 1n << 80n;
    while (low + 1n < high) {
      const middle = (low + high) >> 1n;
      if (middle ** power <= value) low = middle; else high = middle;
    }
    return low;
  };
  const fraction = (prime, power, bits) => root(BigInt(prime) << (power * bits), power) & ((1n << bits) - 1n);
  const sha = (size) => {
    const bits = BigInt(size), mask = (1n << bits) - 1n, rounds = size === 32 ? 64 : 80, block = size * 2;
    const k = primes.slice(0, rounds).map((prime) => fraction(prime, 3n, bits));
    const start = primes.slice(0, 8).map((prime) => fraction(prime, 2n, bits));
    const turns = (size === 32 ? [[7, 18, 3], [17, 19, 10], [2, 13, 22], [6, 11, 25]] : [[1, 8, 7], [19, 61, 6], [28, 34, 39], [14, 18, 41]])
      .map((three) => three.map(BigInt));
    const turn = (x, n) => ((x >> n) | (x << (bits - n))) & mask;
    const small = (x, [a, b, c]) => turn(x, a) ^ turn(x, b) ^ (x >> c);
    const big = (x, [a, b, c]) => turn(x, a) ^ turn(x, b) ^ turn(x, c);
    return (message) => {
      const length = Math.ceil((message.length + 1 + size / 4) / block) * block;
      const padded = new Uint8Array(length);
      padded.set(message);
      padded[message.length] = 0x80;
      new DataView(padded.buffer).setUint32(length - 4, message.length * 8);
      let state = start.slice();
      for (let at = 0; at < length; at += block) {
        const w = [];
        for (let i = 0; i < 16; i++) w.push(BigInt("0x" + hex(padded.subarray(at + i * size / 8, at + (i + 1) * size / 8))));
        for (let i = 16; i < rounds; i++) w.push((w[i - 16] + small(w[i - 15], turns[0]) + w[i - 7] + small(w[i - 2], turns[1])) & mask);
        let [a, b, c, d, e, f, g, h] = state;
        for (let i = 0; i < rounds; i++) {
          const one = h + big(e, turns[3]) + ((e & f) ^ (~e & mask & g)) + k[i] + w[i];
          const two = big(a, turns[2]) + ((a & b) ^ (a & c) ^ (b & c));
          [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) & mask, c, b, a, (one + two) & mask];
        }
        state = [a, b, c, d, e, f, g, h].map((word, i) => (word + state[i]) & mask);
      }
      return unhex(state.map((word) => word.toString(16).padStart(size / 4, "0")).join(""));
    };
  };
  const sha256 = sha(32), sha512 = sha(64);
  const hmac = (key, message) => {
    const padded = new Uint8Array(64);
    padded.set(key);
    const mixed = (value) => padded.map((one) => one ^ value);
    return sha256(join(mixed(0x5c), sha256(join(mixed(0x36), message))));
  };

  // --- Ed25519 (RFC 8032), verifying alone

  const P = (1n << 255n) - 19n, L = (1n << 252n) + 27742317777372353535851937790883648493n;
  const mod = (value, by = P) => { const left = value % by; return left < 0n ? left + by : left; };
  const power = (base, exponent) => {
    let found = 1n;
    for (base = mod(base); exponent; exponent >>= 1n) { if (exponent & 1n) found = mod(found * base); base = mod(base * base); }
    return found;
  };
  const inverse = (value) => power(value, P - 2n);
  const D = mod(-121665n * inverse(121666n));
  const add = (a, b) => {
    const [e, f] = [mod((a[1] - a[0]) * (b[1] - b[0])), mod((a[1] + a[0]) * (b[1] + b[0]))];
    const [g, h] = [mod(2n * a[3] * b[3] * D), mod(2n * a[2] * b[2])];
    const [i, j, k, m] = [f - e, h - g, h + g, f + e];
    return [mod(i * j), mod(k * m), mod(j * k), mod(i * m)];
  };
  const times = (number, point) => {
    let found = [0n, 1n, 1n, 0n];
    for (; number; number >>= 1n) { if (number & 1n) found = add(found, point); point = add(point, point); }
    return found;
  };
  const little = (bytes) => BigInt("0x" + (hex(Uint8Array.from(bytes).reverse()) || "0"));
  const pointOf = (y, odd) => {
    if (y >= P) return null;
    const square = mod((y * y - 1n) * inverse(D * y * y + 1n));
    let x = power(square, (P + 3n) / 8n);
    if (mod(x * x - square)) x = mod(x * power(2n, (P - 1n) / 4n));
    if (mod(x * x - square) || (x === 0n && odd)) return null;
    if ((x & 1n) !== odd) x = P - x;
    return [x, y, 1n, mod(x * y)];
  };
  const G = pointOf(mod(4n * inverse(5n)), 0n);
  const decoded = (bytes) => { const all = little(bytes); return pointOf(all & ((1n << 255n) - 1n), all >> 255n); };
  const ed25519 = (key, signature, message) => {
    if (key.length !== 32 || signature.length !== 64) return false;
    const a = decoded(key), r = decoded(signature.subarray(0, 32)), s = little(signature.subarray(32));
    if (!a || !r || s >= L) return false;
    const h = little(sha512(join(signature.subarray(0, 32), key, message))) % L;
    const left = times(s, G), right = add(r, times(h, a));
    return mod(left[0] * right[2] - right[0] * left[2]) === 0n && mod(left[1] * right[2] - right[1] * left[2]) === 0n;
  };

  // --- inflate (RFC 1951) with a preset dictionary, which browsers' own streams cannot take

  const LENGTHS = [], DISTANCES = [];
  for (let code = 0, base = 3; code < 28; code++) { const extra = code < 8 ? 0 : (code >> 2) - 1; LENGTHS.push([base, extra]); base += 1 << extra; }
  LENGTHS.push([258, 0]);
  for (let code = 0, base = 1; code < 30; code++) { const extra = code < 4 ? 0 : (code >> 1) - 1; DISTANCES.push([base, extra]); base += 1 << extra; }
  const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

  const inflate = (data) => {
    const out = Array.from(DICTIONARY);
    let at = 0, bit = 0;
    const broken = () => new Bad("The square's content cannot be read.");
    const bits = (count) => {
      let value = 0;
      for (let i = 0; i < count; i++) {
        if (at >= data.length) throw broken();
        value |= ((data[at] >> bit) & 1) << i;
        if (++bit === 8) { bit = 0; at++; }
      }
      return value;
    };
    const tree = (sizes) => {
      const codes = new Map();
      let code = 0;
      for (let size = 1; size <= 15; size++, code <<= 1)
        sizes.forEach((one, symbol) => { if (one === size) codes.set(size * 65536 + code++, symbol); });
      return codes;
    };
    const symbol = (codes) => {
      for (let size = 1, code = 0; size <= 15; size++) {
        code = (code << 1) | bits(1);
        const found = codes.get(size * 65536 + code);
        if (found !== undefined) return found;
      }
      throw broken();
    };
    const fixed = () => [
      tree(Array.from({length: 288}, (_none, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8))),
      tree(Array(30).fill(5))];
    const dynamic = () => {
      const literals = bits(5) + 257, distances = bits(5) + 1, count = bits(4) + 4, sizes = Array(19).fill(0);
      for (let i = 0; i < count; i++) sizes[ORDER[i]] = bits(3);
      const codes = tree(sizes), all = [];
      while (all.length < literals + distances) {
        const found = symbol(codes);
        if (found < 16) all.push(found);
        else if (found === 16 && !all.length) throw broken();
        else all.push(...Array(found === 16 ? 3 + bits(2) : found === 17 ? 3 + bits(3) : 11 + bits(7)).fill(found === 16 ? all[all.length - 1] : 0));
      }
      if (all.length > literals + distances) throw broken();
      return [tree(all.slice(0, literals)), tree(all.slice(literals))];
    };
    for (let last = 0; !last;) {
      last = bits(1);
      const kind = bits(2);
      if (kind === 0) {
        if (bit) { bit = 0; at++; }
        const size = data[at] | (data[at + 1] << 8);
        if (at + 4 + size > data.length) throw broken();
        out.push(...data.subarray(at + 4, at + 4 + size));
        at += 4 + size;
        continue;
      }
      if (kind === 3) throw broken();
      const [literals, distances] = kind === 1 ? fixed() : dynamic();
      for (let found = symbol(literals); found !== 256; found = symbol(literals)) {
        if (found < 256) { out.push(found); continue; }
        if (found > 285) throw broken();
        const [base, extra] = LENGTHS[found - 257], size = base + bits(extra), far = DISTANCES[symbol(distances)];
        if (!far) throw broken();
        const back = far[0] + bits(far[1]);
        if (back > out.length || out.length > LARGEST_CONTENT) throw broken();
        for (let i = 0; i < size; i++) out.push(out[out.length - back]);
      }
    }
    if (at + (bit ? 1 : 0) !== data.length) throw broken();
    return Uint8Array.from(out.slice(DICTIONARY.length));
  };

  // --- from the squares to the receipt

  const undigit = (text) => {
    const found = [];
    const broken = () => new Bad("The square's text is not complete. Scan it again, whole and flat.");
    if (!/^\d+$/.test(text)) throw broken();
    for (let at = 0; at < text.length; at += 17) {
      const piece = text.slice(at, at + 17), size = WIDTHS[piece.length];
      let value = BigInt(piece);
      if (!size || value >> BigInt(8 * size)) throw broken();
      const bytes = [];
      for (let i = 0; i < size; i++, value >>= 8n) bytes.unshift(Number(value & 255n));
      found.push(...bytes);
    }
    return Uint8Array.from(found);
  };

  const readSquares = (texts) => {
    const parts = new Map();
    let count = 0, mark = null;
    for (const text of texts) {
      const squeezed = text.replace(/\s/g, "");
      if (!squeezed) continue;
      if (!squeezed.toUpperCase().startsWith(NAME)) throw new Bad("This is not the text of a receipt's square: it does not begin with %(name)s.", {name: NAME});
      const data = undigit(squeezed.slice(NAME.length));
      if (data.length < 7 || data[1] < 1 || data[0] >= data[1]) throw new Bad("The square's text is not complete. Scan it again, whole and flat.");
      if (mark && (data[1] !== count || !same(data.subarray(2, 6), mark))) throw new Bad("The squares are of different papers. Scan the squares of one paper.");
      count = data[1];
      mark = data.subarray(2, 6);
      const known = parts.get(data[0]);
      if (known && !same(known, data.subarray(6))) throw new Bad("The same square was read in two ways. Scan it again, whole and flat.");
      parts.set(data[0], data.subarray(6));
    }
    if (!mark) throw new Bad("There is no square's text. Scan the square of the paper first.");
    const lacking = [];
    for (let i = 0; i < count; i++) if (!parts.has(i)) lacking.push(i + 1);
    if (lacking.length) throw new Bad("The paper has %(count)s squares; number %(missing)s is missing. Scan it too.", {count, missing: lacking.join(", ")});
    const whole = join(...Array.from({length: count}, (_none, i) => parts.get(i)));
    if (!same(sha256(whole).subarray(0, 4), mark)) throw new Bad("The squares do not fit together: one of them was misread or altered.");
    return readBody(whole);
  };

  const readBody = (data) => {
    let at = 0;
    const take = (size) => {
      if (at + size > data.length) throw new Bad("The square ends too early.");
      at += size;
      return data.subarray(at - size, at);
    };
    const number = (size) => take(size).reduce((sum, one) => sum * 256 + one, 0);
    if (number(1) !== 2) throw new Bad("The square is of a form that this verifier does not know. Fetch a newer one.");
    const log = new TextDecoder().decode(take(number(1)));
    const contentBytes = inflate(take(number(3)));
    let content;
    try {
      content = JSON.parse(new TextDecoder("utf-8", {fatal: true}).decode(contentBytes));
    } catch (_error) { throw new Bad("The square's content cannot be read."); }
    if (!content || !Array.isArray(content.orders)) throw new Bad("The square's content cannot be read.");
    const entries = [];
    for (let left = number(1); left; left--) {
      const entry = {order: number(1), sequence: number(6), salt: take(16), leaf: hex(take(32)), signature: take(64), tokens: []};
      for (let tokens = number(1); tokens; tokens--) entry.tokens.push(BigInt("0x" + hex(take(9))).toString().padStart(20, "0"));
      if (entry.order >= content.orders.length || entry.tokens.some((token) => token.length !== 20)) throw new Bad("The square's entries do not fit its content.");
      entries.push(entry);
    }
    if (at !== data.length || !entries.length) throw new Bad("The square's entries do not fit its content.");
    return {log, contentBytes, content, entries};
  };

  // --- the signature, and inclusion in the log

  const commitments = (receipt, entry) => {
    const told = {meter: String(receipt.content.orders[entry.order].meter), tokens: entry.tokens.join(","), content: hex(sha256(receipt.contentBytes))};
    return Object.fromEntries(Object.entries(told).map(([what, value]) => [what, hex(hmac(entry.salt, bytesOf(`${what}\n${value}`)))]));
  };

  const verify = (receipt, key) => {
    for (const entry of receipt.entries) {
      const told = commitments(receipt, entry);
      const statement = `ampoule entry 1\n${receipt.log}\n${entry.sequence}\n${entry.leaf}\n${told.meter}\n${told.tokens}\n${told.content}\n`;
      if (!ed25519(key, entry.signature, bytesOf(statement)))
        throw new Bad("Log entry %(number)s is not signed by this key over this content: a figure was changed, or another module made it.", {number: entry.sequence});
    }
  };

  const openHead = (note, log, key) => {
    const gap = note.indexOf("\n\n"), text = note.slice(0, gap), lines = text.split("\n");
    if (gap < 0 || lines.length !== 3 || !/^\d+$/.test(lines[1])) throw new Bad("The head of the proof is not a signed note.");
    if (lines[0] !== log) throw new Bad("The head of the proof is of another log than the paper.");
    const wanted = sha256(join(bytesOf(lines[0]), Uint8Array.of(10, 1), key)).subarray(0, 4);
    for (const line of note.slice(gap + 2).split("\n")) {
      if (!line.startsWith(`— ${log} `)) continue;
      let value;
      try { value = unbase64(line.slice(line.lastIndexOf(" ") + 1)); } catch (_error) { continue; }
      if (same(value.subarray(0, 4), wanted) && ed25519(key, value.subarray(4), bytesOf(text + "\n"))) return [Number(lines[1]), unbase64(lines[2])];
    }
    throw new Bad("The head of the proof is not signed by this key.");
  };

  const verifyProof = (receipt, proof, key) => {
    let data, said, size, root;
    try {
      data = bytesOf(proof.leaf_data);
      said = JSON.parse(proof.leaf_data);
      [size, root] = openHead(proof.note, receipt.log, key);
    } catch (error) { throw error instanceof Bad ? error : new Bad("This is not a proof file."); }
    const entry = receipt.entries.find((one) => one.sequence === said.n);
    if (!entry) throw new Bad("The proof is of log entry %(number)s, which is not on this paper.", {number: said.n});
    let value = sha256(join(Uint8Array.of(0), data));
    if (hex(value) !== entry.leaf) throw new Bad("The proof's entry %(number)s is not the one that was signed for this paper.", {number: said.n});
    for (const [what, told] of Object.entries(commitments(receipt, entry)))
      if (said[what] !== told) throw new Bad("Log entry %(number)s says something else than this paper.", {number: said.n});
    let place = entry.sequence, last = size - 1;
    if (place > last) throw new Bad("The head names %(size)s entries; log entry %(number)s is not among them.", {size, number: said.n});
    for (const text of proof.path) {
      const step = unhex(text);
      if (last === 0) throw new Bad("The path of the proof is too long.");
      if (place % 2 || place === last) {
        value = sha256(join(Uint8Array.of(1), step, value));
        while (place && !(place % 2)) { place = Math.floor(place / 2); last = Math.floor(last / 2); }
      } else value = sha256(join(Uint8Array.of(1), value, step));
      place = Math.floor(place / 2);
      last = Math.floor(last / 2);
    }
    if (last !== 0 || !same(value, root)) throw new Bad("Log entry %(number)s is not in the log of that head.", {number: said.n});
    return said.n;
  };

  // --- what the paper must say

  const money = (minor, currency) => {
    const decimals = NO_DECIMALS.includes(currency) ? 0 : THREE_DECIMALS.includes(currency) ? 3 : 2;
    const all = String(Math.abs(minor)).padStart(decimals + 1, "0");
    const whole = all.slice(0, all.length - decimals).replace(/\B(?=(\d{3})+$)/g, ",");
    return `${currency} ${minor < 0 ? "−" : ""}${whole}${decimals ? "." + all.slice(-decimals) : ""}`;
  };
  const grouped = (token) => token.match(/.{4}/g).join(" ");

  const api = {Bad, readSquares, verify, verifyProof, money, grouped, unbase64, ed25519, sha256, sha512, hex, inflate};
  if (typeof document === "undefined") { globalThis.ampouleVerify = api; return; }
  window.ampouleVerify = api;

  // --- the page

  const form = document.getElementById("verify-form");
  if (!form) return;
  const words = JSON.parse(document.getElementById("verify-words")?.textContent || "{}");
  const say = (sentence, values = {}) => fill(words[sentence] || sentence, values);
  const field = form.elements.text, answer = document.getElementById("verify-answer");
  const keyField = document.getElementById("verify-key"), proofField = document.getElementById("verify-proof");
  const element = (name, text, classes = "") => {
    const made = document.createElement(name);
    made.textContent = text;
    if (classes) made.className = classes;
    return made;
  };

  const textsOf = (typed) => typed.split(new RegExp(`(?=${NAME})`, "i"));

  const show = (good, title, lines, receipt) => {
    answer.replaceChildren(element("h2", title, good ? "is-good" : "is-bad"), ...lines.map((line) => element("p", line)));
    if (!receipt) return;
    const {content, entries} = receipt, list = document.createElement("dl");
    const row = (what, value, strong) => { list.append(element("dt", what)); list.append(element("dd", value, strong ? "is-strong" : "")); };
    row(say("Receipt"), content.receipt, true);
    row(say("Sold at"), String(content.sold_at).replace("T", " "), true);
    row(say("Total"), money(content.total_minor, content.currency), true);
    content.orders.forEach((order, place) => {
      if (order.meter) row(say("Meter"), order.meter.slice(6, 10) + " " + order.meter.slice(10, 14) + " " + order.meter.slice(14, 17));
      for (const line of order.lines || []) row(line.label, money(line.amount_minor, content.currency));
      for (const entry of entries) if (entry.order === place) for (const token of entry.tokens) row(say("Token"), grouped(token), true);
    });
    answer.append(list);
  };

  const check = async () => {
    try {
      const receipt = readSquares(textsOf(field.value));
      const key = unbase64((keyField ? keyField.value : form.dataset.key).trim());
      verify(receipt, key);
      const lines = [say("The security module signed exactly this. Compare every line with the paper: a figure that differs was changed on the paper.")];
      if (proofField && proofField.files.length) {
        let proof;
        try { proof = JSON.parse(await proofField.files[0].text()); } catch (_error) { throw new Bad("This is not a proof file."); }
        lines.push(say("Log entry %(number)s is in the signed log.", {number: verifyProof(receipt, proof, key)}));
      }
      show(true, say("Genuine"), lines, receipt);
    } catch (error) {
      const told = error instanceof Bad ? say(error.sentence, error.values) : say("The key is not a key. Take it from the seller's page.");
      show(false, say("This does not hold"), [told, say("Keep the paper and call the manager.")]);
    }
  };

  if (form.dataset.here === "yes") form.addEventListener("submit", (event) => { event.preventDefault(); check(); });

  // Camera and pictures, where the browser itself reads squares.
  if ("BarcodeDetector" in window) {
    const detector = new window.BarcodeDetector({formats: ["qr_code"]});
    const tools = document.getElementById("verify-tools"), picture = document.getElementById("verify-picture");
    const camera = document.getElementById("verify-camera"), video = document.getElementById("verify-video");
    const take = (codes) => {
      for (const code of codes) if (code.rawValue.startsWith(NAME) && !field.value.includes(code.rawValue)) field.value += code.rawValue + "\n";
      try { readSquares(textsOf(field.value)); return true; } catch (_error) { return false; }
    };
    tools.hidden = false;
    picture.addEventListener("change", async () => {
      for (const file of picture.files) take(await detector.detect(await createImageBitmap(file)));
      if (form.dataset.here === "yes") check();
    });
    camera.addEventListener("click", async () => {
      const stream = await navigator.mediaDevices.getUserMedia({video: {facingMode: "environment"}});
      video.srcObject = stream;
      video.hidden = false;
      await video.play();
      const look = async () => {
        if (take(await detector.detect(video))) {
          stream.getTracks().forEach((track) => track.stop());
          video.hidden = true;
          if (form.dataset.here === "yes") check();
        } else requestAnimationFrame(look);
      };
      look();
    });
  }
})();
