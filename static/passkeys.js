// Passkeys: a form with data-passkey asks the browser for a passkey when it is submitted, and continues with the result in
// its field "credential". `get` uses a passkey, `create` creates one. The options are in a JSON element (data-options) or,
// before anybody is signed in, at a URL (data-options-url). webauthnJSON is part of django-allauth.
(() => {
  "use strict";
  const problems = {
    NotAllowedError: "No passkey was used. Try again, or choose another way.",
    InvalidStateError: "This device already has a passkey for your account.",
    SecurityError: "Passkeys need https, or localhost.",
  };
  const discoverable = { residentKey: "required", requireResidentKey: true, userVerification: "required" };
  async function options(form) {
    if (!form.dataset.optionsUrl) return JSON.parse(document.getElementById(form.dataset.options).textContent);
    const answer = await fetch(form.dataset.optionsUrl, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error("no options");
    return answer.json();
  }
  async function credential(form) {
    const found = await options(form);
    if (form.dataset.passkey === "get") return webauthnJSON.get(found.request_options);
    if (form.elements.passwordless?.checked) Object.assign(found.creation_options.publicKey.authenticatorSelection, discoverable);
    return webauthnJSON.create(found.creation_options);
  }
  document.addEventListener("submit", async (e) => {
    const form = e.target.closest("form[data-passkey]");
    if (!form) return;
    e.preventDefault();
    const problem = form.querySelector("[data-passkey-problem]");
    try {
      form.elements.credential.value = JSON.stringify(await credential(form));
      form.submit();
    } catch (error) {
      problem.textContent = problems[error.name] || "That did not work. Reload the page and try again.";
      problem.hidden = false;
    }
  });
})();
