"use strict";
const body = document.querySelector("#packages tbody"), rows = [...body.rows], search = document.getElementById("search");
const downloads = document.getElementById("downloads"), shown = document.getElementById("shown"), none = document.getElementById("none");
const buttons = [...document.querySelectorAll(".reason")], texts = new Map(rows.map(row => [row, row.textContent.toLowerCase()]));
let reason = null;
function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const row of rows) {
    row.hidden = !words.every(word => texts.get(row).includes(word)) || (reason !== null && (row.dataset.reason !== reason || row.dataset.downloads === "0"))
      || (downloads.checked && row.dataset.downloads === "0");
    count += !row.hidden;
  }
  shown.textContent = `${count} of ${rows.length} packages`;
  none.hidden = count > 0;
}
function sort(head) {
  const key = head.dataset.key, numeric = key === "size" || key === "verdict", before = head.getAttribute("aria-sort");
  const down = before ? before === "ascending" : key === "size";
  for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const compare = (a, b) => numeric ? a.dataset[key] - b.dataset[key] : a.dataset[key].localeCompare(b.dataset[key], "en", {numeric: true});
  rows.sort((a, b) => (down ? -1 : 1) * compare(a, b) || a.dataset.name.localeCompare(b.dataset.name));
  body.append(...rows);
}
for (const head of document.querySelectorAll("thead th")) head.querySelector("button").addEventListener("click", () => sort(head));
for (const button of buttons) button.addEventListener("click", () => {
  reason = reason === button.dataset.reason ? null : button.dataset.reason;
  for (const other of buttons) other.setAttribute("aria-pressed", other.dataset.reason === reason);
  filter();
});
search.addEventListener("input", filter);
downloads.addEventListener("change", filter);
document.addEventListener("keydown", event => {
  if (event.key === "/" && document.activeElement !== search && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    search.focus();
  } else if (event.key === "Escape" && document.activeElement === search) {
    search.value = "";
    filter();
  }
});
