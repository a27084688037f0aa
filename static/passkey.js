// Signing an act with a passkey: the server gives a challenge that is the hash of the act, the browser signs it, the
// form carries the assertion. Needs a secure page; without it the form is sent as it is and the server asks for a code.
"use strict";
(() => {
  if (!window.PublicKeyCredential) return;
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  const assertion = async (url) => {
    const answer = await fetch(url, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error("challenge");
    const options = await answer.json();
    options.challenge = bytes(options.challenge);
    options.allowCredentials = (options.allowCredentials || []).map((one) => ({ ...one, id: bytes(one.id) }));
    const made = await navigator.credentials.get({ publicKey: options });
    return JSON.stringify({
      id: made.id, rawId: text(made.rawId), type: made.type,
      response: {
        authenticatorData: text(made.response.authenticatorData), clientDataJSON: text(made.response.clientDataJSON),
        signature: text(made.response.signature), userHandle: made.response.userHandle ? text(made.response.userHandle) : null,
      },
    });
  };

  // A new passkey: the same with what the browser makes and the server keeps.
  const registration = async (url) => {
    const answer = await fetch(url, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error("challenge");
    const options = await answer.json();
    options.challenge = bytes(options.challenge);
    options.user.id = bytes(options.user.id);
    options.excludeCredentials = (options.excludeCredentials || []).map((one) => ({ ...one, id: bytes(one.id) }));
    const made = await navigator.credentials.create({ publicKey: options });
    return JSON.stringify({
      id: made.id, rawId: text(made.rawId), type: made.type,
      response: {
        attestationObject: text(made.response.attestationObject), clientDataJSON: text(made.response.clientDataJSON),
        transports: made.response.getTransports ? made.response.getTransports() : [],
      },
    });
  };

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.dataset.passkeyNew || form.elements.assertion.value) return;
    event.preventDefault();
    try { form.elements.assertion.value = await registration(form.dataset.passkeyNew); } catch { /* the server says why not */ }
    form.submit();
  });

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.dataset.passkey || event.submitter?.hasAttribute("data-plain")) return;
    if (form.elements.assertion.value || form.elements.confirm?.value) return; // signed already, or confirmed by typing
    event.preventDefault();
    delete form.dataset.sent;
    try {
      form.elements.assertion.value = await assertion(form.dataset.passkey);
      form.requestSubmit(event.submitter);
    } catch {
      // Refused at the device, or no passkey here: the server answers with the other way.
      form.submit();
    }
  });
})();
