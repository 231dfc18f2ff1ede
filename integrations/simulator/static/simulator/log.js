// The log follows by itself, until it is paused. Without a script its link does the same.
const list = document.getElementById("entries");
const EVERY = 2000;
const MOST = 200;
let isPaused = false;

const button = document.createElement("button");
button.className = "button small";
button.textContent = "Pause";
button.setAttribute("aria-pressed", "false");
const note = document.createElement("span");
note.className = "hint";
note.textContent = "Follows by itself.";
document.getElementById("live").append(button, note);

button.addEventListener("click", () => {
  isPaused = !isPaused;
  button.setAttribute("aria-pressed", String(isPaused));
  note.textContent = isPaused ? "Paused." : "Follows by itself.";
});

async function follow() {
  const query = new URLSearchParams(list.dataset.query);
  query.set("since", list.dataset.last);
  const answer = await fetch(`${list.dataset.newer}?${query}`);
  if (!answer.ok) throw new Error(String(answer.status));
  const last = Number(answer.headers.get("X-Last-Entry"));
  const text = await answer.text();
  if (isPaused || last <= Number(list.dataset.last)) return;
  list.dataset.last = String(last);
  const added = new DOMParser().parseFromString(text, "text/html").querySelectorAll("li");
  list.prepend(...added);
  while (list.children.length > MOST) list.lastElementChild.remove();
  document.getElementById("none").hidden = true;
}

async function round() {
  if (!isPaused && !document.hidden) {
    try {
      await follow();
      if (!isPaused) note.textContent = "Follows by itself.";
    } catch {
      note.textContent = "The simulator does not answer; trying again.";
    }
  }
  setTimeout(round, EVERY);
}
setTimeout(round, EVERY);
