// The palette: find a name or do something. The server searches; this opens it and moves the choice.
(() => {
  "use strict";
  const { $, $$ } = window.Coffer;
  const palette = $("#palette"), input = $("#palette-q"); if (!palette) return;
  const options = () => $$("[role=option]", palette);
  function choose(option) {
    options().forEach((each) => each.setAttribute("aria-selected", each === option));
    option ? input.setAttribute("aria-activedescendant", option.id) : input.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  }
  const go = (option) => { palette.close(); option.dataset.command ? document.getElementById(option.dataset.command)?.showModal() : location.assign(option.dataset.href); };
  document.addEventListener("keydown", (e) => {
    if (!(e.ctrlKey || e.metaKey) || e.altKey || e.key.toLowerCase() !== "k" || $("dialog:modal")) return;
    e.preventDefault(); palette.showModal();
  });
  input.addEventListener("keydown", (e) => {
    const all = options(), at = all.findIndex((o) => o.getAttribute("aria-selected") === "true");
    if (e.key === "ArrowDown" || e.key === "ArrowUp") { e.preventDefault(); if (all.length) choose(all[(at + (e.key === "ArrowDown" ? 1 : -1) + all.length) % all.length]); }
    if (e.key === "Enter") { e.preventDefault(); if (all[at]) go(all[at]); }
  });
  palette.addEventListener("click", (e) => { const o = e.target.closest("[role=option]"); if (o) go(o); });
  document.addEventListener("htmx:afterSwap", (e) => { if (e.detail.target.id === "palette-list") choose(options()[0]); });
})();
