// Only what HTML and CSS cannot do; without it every page still works.
(() => {
  "use strict";

  document.addEventListener("click", (event) => {
    const dismiss = event.target.closest("[data-dismiss]");
    if (dismiss) dismiss.closest(".toast, .notice").remove();
  });

  // "/" goes to the search field, unless one is typing.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const search = document.querySelector('[data-shortcut="/"]');
    if (!search) return;
    event.preventDefault();
    search.focus();
  });

  // A form that came back with errors: the summary is where reading starts.
  document.querySelector("[data-focus]")?.focus();
})();
