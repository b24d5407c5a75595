"use strict";
// Tables that sort and fold, frames that scroll, the moving picture that stops; then the body.

for (const element of document.querySelectorAll(".js, .no-js")) element.hidden = element.className === "no-js";

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.onclick = () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => {
        const [x, y] = [key(a), key(b)];
        if ((x === "") !== (y === "")) return x === "" ? 1 : -1; // nothing goes last, either way
        const numbers = x !== "" && !isNaN(x) && !isNaN(y);
        return (down ? -1 : 1) * (numbers ? x - y : x.localeCompare(y, "en"));
      });
      table.tBodies[0].append(...rows);
    };
  });
}

const folded = [...document.querySelectorAll("details")];
const fold = (open) => folded.forEach((one) => { one.open = open; });
fold(false);
let wasOpen = [];
addEventListener("beforeprint", () => { wasOpen = folded.filter((one) => one.open); fold(true); });
addEventListener("afterprint", () => { fold(false); wasOpen.forEach((one) => { one.open = true; }); });

// Frames that scroll sideways are marked as such, and the keyboard stops at them only. Pictures whose last panel
// is the result begin there.
const frames = document.querySelectorAll(".wide");
const reach = () => frames.forEach((one) => {
  const scrolls = one.scrollWidth > one.clientWidth;
  one.tabIndex = scrolls ? 0 : -1;
  one.classList.toggle("scrolls", scrolls);
  if (scrolls && "end" in one.dataset) { one.scrollLeft = one.scrollWidth; delete one.dataset.end; }
});
addEventListener("resize", reach);
document.addEventListener("toggle", reach, true);
reach();

for (const picture of document.querySelectorAll("img[data-still]")) {
  const moving = picture.src, button = document.createElement("button");
  const show = (still) => {
    picture.src = still ? picture.dataset.still : moving;
    button.textContent = still ? "Play" : "Stop";
  };
  button.type = "button";
  button.className = "play";
  button.onclick = () => show(picture.src === moving);
  picture.after(button);
  show(matchMedia("(prefers-reduced-motion: reduce)").matches);
}

startBody(JSON.parse(document.getElementById("body-data").textContent));
