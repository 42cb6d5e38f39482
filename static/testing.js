// Tests and checks beside a form: they save what is on the screen first, show how long they take, and can be cancelled.
(() => {
  "use strict";
  const { $, el } = window.Coffer;
  const MINE = "#test, #check";
  let ticking = 0, started = 0;
  const busy = (form) => $(".htmx-indicator", form), cancel = (form) => $("[data-cancel]", form);
  const seconds = () => ((performance.now() - started) / 1000).toFixed(1);
  function end(form) { clearInterval(ticking); cancel(form).hidden = true; }
  document.addEventListener("htmx:beforeSend", (e) => {
    const form = e.detail.elt; if (!form.matches(MINE)) return;
    const words = busy(form), before = words.dataset.words; started = performance.now(); clearInterval(ticking);
    words.textContent = before; cancel(form).hidden = false;
    ticking = setInterval(() => { words.textContent = `${before} ${seconds()} s`; }, 100);
  });
  document.addEventListener("htmx:afterRequest", (e) => { if (e.detail.elt.matches(MINE)) end(e.detail.elt); });
  document.addEventListener("click", (e) => {
    const form = e.target.closest("[data-cancel]")?.closest(MINE); if (!form) return;
    window.htmx.trigger(form, "htmx:abort"); end(form);
    const box = document.getElementById(form.id === "test" ? "result" : "steps"), p = el("p", "sub", `Cancelled after ${seconds()} s. The request may have reached the server; its runs say how it ended.`);
    box.replaceChildren(p); box.hidden = false; $("[type=submit]", form).focus();
  });
  // A changed form is sent along, so that the server saves what is on the screen before the test.
  document.addEventListener("htmx:configRequest", (e) => {
    const changed = e.detail.elt.matches(MINE) && $("form[data-guard].dirty"); if (!changed) return;
    for (const [name, value] of new FormData(changed)) if (name !== "csrfmiddlewaretoken") e.detail.formData.append(name, value);
  });
  // The server has saved the form that was sent along.
  document.addEventListener("form-saved", () => {
    $("form[data-guard]")?.classList.remove("dirty");
    const note = document.getElementById("unsaved"); if (note) note.hidden = true;
  });
})();
