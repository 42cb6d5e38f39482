// The import: shows how much of the text has been sent, then how long Coffer has been working. It is one transaction, so
// there is no progress to show for the second part.
(() => {
  "use strict";
  const { $ } = window.Coffer;
  const box = $("#import-busy"), bar = $("progress", box), words = $("[data-import-words]", box);
  const MIB = 1048576;
  let ticking = 0, started = 0;

  const seconds = () => ((performance.now() - started) / 1000).toFixed(1);
  function work() { words.textContent = `Sent. Coffer has been at work for ${seconds()} s`; }
  function begin() {
    started = performance.now(); bar.value = 0; words.textContent = "Sending the text"; box.hidden = false;
    clearInterval(ticking); ticking = 0;
  }
  function sent() { bar.value = 1; if (!ticking) { work(); ticking = setInterval(work, 100); } }
  function end() { clearInterval(ticking); ticking = 0; box.hidden = true; }

  const mine = (e) => e.target.matches?.("[data-import]");
  document.addEventListener("htmx:beforeSend", (e) => { if (mine(e)) begin(); });
  document.addEventListener("htmx:xhr:progress", (e) => {
    if (!mine(e) || !e.detail.lengthComputable || ticking) return;
    bar.value = e.detail.loaded / e.detail.total; if (e.detail.loaded === e.detail.total) sent();
  });
  document.addEventListener("htmx:afterRequest", (e) => { if (mine(e)) end(); });

  // Each pasted line by its name, the value as dots. A line inside quotes that are still open belongs to the value above.
  const SHOWN = 200, { el } = window.Coffer;
  const NAME = /^\s*(?:export\s+|set\s+|ENV\s+|\$env:|-\s+)?["']?([A-Za-z_][\w.-]*)["']?\s*[=:]\s*(["'`]?)(.*)$/;
  function line(text) {
    const found = text.match(NAME), li = el("li", found ? "" : "bad"), words = el("span"); li.append(words);
    if (found) words.append(el("span", "", found[1]), el("span", "k", "="), el("span", "dots", "••••••••"));
    else words.append(el("span", "k", "No NAME= in this line"));
    return li;
  }
  function entries(text) {
    const found = []; let open = "";
    for (const each of text.split("\n")) {
      if (open) { if (each.includes(open)) open = ""; continue; }
      if (!each.trim() || each.trim().startsWith("#")) continue;
      found.push(each);
      const [, , quote, rest] = each.match(NAME) || []; if (quote && !rest.includes(quote)) open = quote;
    }
    return found;
  }
  document.addEventListener("input", (e) => {
    const list = document.getElementById(e.target.dataset?.lines || ""); if (!list) return;
    const found = entries(e.target.value); list.replaceChildren(...found.slice(0, SHOWN).map(line));
    if (found.length > SHOWN) list.append(el("li", "", `and ${found.length - SHOWN} more lines`));
    list.hidden = !found.length;
  });

  // Refuse a text that is too large before it is sent; the server checks again.
  function check(input) {
    const size = input.type === "file" ? (input.files[0]?.size || 0) : input.value.length;
    input.setCustomValidity(size > MIB ? "The text has more than 1 MiB. Import it in parts." : "");
    input.reportValidity();
  }
  document.addEventListener("change", (e) => { if (e.target.matches("#f-file, #f-dotenv")) check(e.target); });
})();
