// Only what HTML and CSS cannot do; without it every page still works.
(() => {
  "use strict";

  document.addEventListener("click", (event) => {
    const dismiss = event.target.closest("[data-dismiss]");
    if (dismiss) dismiss.closest(".toast, .notice").remove();
  });

  // What a page asks for by itself says so: it keeps nobody signed in.
  document.addEventListener("htmx:configRequest", (event) => {
    if (!event.detail.triggeringEvent) event.detail.headers["X-Background"] = "true";
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

  // A group is dragged by its handle and dropped above another. Its buttons do the same without a script.
  const list = document.querySelector("[data-sortable]");
  const ranking = document.querySelector("[data-ranking]");
  if (list && ranking) {
    let dragged = null;
    let target = null; // the row above which it would land; null: after the last of this page

    const say = (words) => { document.querySelector("[data-announce]").textContent = words; };
    const rows = () => [...list.querySelectorAll("[data-group]")];
    const unmark = () => rows().forEach((row) => row.classList.remove("drop-above", "drop-below"));

    const hover = (y) => {
      const others = rows().filter((row) => row !== dragged);
      const next = others.find((row) => { const box = row.getBoundingClientRect(); return y < box.top + box.height / 2; }) || null;
      if (next === target && list.querySelector(".drop-above, .drop-below")) return;
      target = next;
      unmark();
      (next || others.at(-1)).classList.add(next ? "drop-above" : "drop-below");
      const neighbour = next ? next.dataset.name : list.dataset.followingName;
      say(neighbour ? `${dragged.dataset.name}: above ${neighbour}` : `${dragged.dataset.name}: after all others`);
    };
    const stop = () => {
      unmark();
      dragged?.classList.remove("dragged");
      dragged = null;
    };
    const drop = () => {
      const moved = dragged;
      const above = target ? target.dataset.group : list.dataset.following;
      const stays = above === (rows()[rows().indexOf(moved) + 1]?.dataset.group ?? list.dataset.following);
      stop();
      if (stays) return say(`${moved.dataset.name} stays where it is.`);
      ranking.querySelector("[data-above]").value = above;
      ranking.querySelector("[data-to]").disabled = false;
      ranking.action = moved.dataset.move;
      ranking.submit();
    };

    list.addEventListener("pointerdown", (event) => {
      const grip = event.target.closest("[data-grip]");
      if (!grip || event.button !== 0 || rows().length < 2) return;
      event.preventDefault();
      dragged = grip.closest("[data-group]");
      dragged.classList.add("dragged");
      grip.setPointerCapture(event.pointerId);
      say(`${dragged.dataset.name} is being moved. Escape leaves it where it was.`);
    });
    list.addEventListener("pointermove", (event) => {
      if (!dragged) return;
      const edge = 72; // pixels from the upper or lower edge of the window, where it begins to scroll
      if (event.clientY < edge) window.scrollBy(0, -16);
      if (event.clientY > window.innerHeight - edge) window.scrollBy(0, 16);
      hover(event.clientY);
    });
    list.addEventListener("pointerup", () => { if (dragged) list.querySelector(".drop-above, .drop-below") ? drop() : stop(); });
    list.addEventListener("pointercancel", stop);
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !dragged) return;
      const name = dragged.dataset.name;
      stop();
      say(`${name} stays where it was.`);
    });
  }

  // Boxes before the rows of a list: one ticks all of the page, and how many are ticked is told.
  const tickAll = document.querySelector("[data-tick-all]");
  if (tickAll) {
    const boxes = [...document.querySelectorAll("[data-tick]")];
    const told = document.querySelector("[data-ticked]");
    const nothing = told.textContent;
    const tell = () => {
      const ticked = boxes.filter((box) => box.checked).length;
      tickAll.checked = ticked === boxes.length;
      tickAll.indeterminate = ticked > 0 && !tickAll.checked;
      told.textContent = ticked ? `${ticked} chosen` : nothing;
    };
    tickAll.addEventListener("change", () => { boxes.forEach((box) => { box.checked = tickAll.checked; }); tell(); });
    boxes.forEach((box) => box.addEventListener("change", tell));
    addEventListener("pageshow", tell); // a browser that goes back may have kept the ticks
  }

  // Choices that belong together: what means nothing beside another choice cannot be chosen, and is not shown. The server
  // refuses it in words all the same.
  document.querySelectorAll("form:has([data-only-with])").forEach((form) => {
    const chosen = (name) => form.querySelector(`[name="${name}"]:checked`)?.value;
    const belongs = (wanted) => {
      const pairs = wanted.split(" ").filter(Boolean).map((pair) => pair.split("="));
      return pairs.every(([name]) => pairs.some(([other, value]) => other === name && value === chosen(name)));
    };
    const settle = () => form.querySelectorAll("[data-only-with]").forEach((part) => {
      const counts = belongs(part.dataset.onlyWith);
      const inputs = part.querySelectorAll("input, select, textarea");
      inputs.forEach((input) => { input.disabled = !counts; });
      if (!part.matches(".choice")) part.hidden = !counts;
      const [input] = inputs;
      if (counts || input.type !== "radio" || !input.checked) return;
      const next = [...form.querySelectorAll(`[name="${input.name}"]`)].find((other) => belongs(other.closest(".choice").dataset.onlyWith ?? ""));
      if (next) next.checked = true;
    });
    form.addEventListener("change", settle);
    form.addEventListener("reset", () => setTimeout(settle));
    addEventListener("pageshow", settle); // a browser that goes back may have kept the choices
    settle();
  });

  // A line that has to be published elsewhere. Where the browser keeps the clipboard to itself, it is marked.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.getElementById(button.dataset.copy);
    getSelection().selectAllChildren(source);
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      return;
    }
    const { innerHTML } = button;
    button.textContent = "Copied";
    setTimeout(() => { button.innerHTML = innerHTML; }, 2000);
  });

  // A sheet over the page is left as a dialog is, unless something would be lost that was typed.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || event.target.value) return;
    const leave = document.querySelector("[data-escape]");
    if (leave) window.location.assign(leave.href);
  });

  // A form that came back with errors: the summary is where reading starts. Where the address names a part of the
  // page, the browser goes there last and takes the focus along; so once more after that.
  const news = document.querySelector("[data-focus]");
  news?.focus();
  if (news && location.hash) addEventListener("load", () => requestAnimationFrame(() => news.focus()));
})();
