// Shows what a column of a chart tells, at once and in all charts of its group.
// Without it browsers show the same words, after a while.
(() => {
  const told = document.getElementById("told");
  const hits = (svg) => [...svg.querySelectorAll(".hits path")];
  for (const svg of document.querySelectorAll("svg")) {
    const group = svg.dataset.group;
    const others = group ? document.querySelectorAll(`svg[data-group="${group}"]`) : [svg];
    const point = (index) => {
      for (const other of others) {
        other.querySelector(".pointed")?.classList.remove("pointed");
        hits(other)[index]?.classList.add("pointed");
      }
    };
    hits(svg).forEach((path, index) => {
      const title = path.querySelector("title");
      const text = title.textContent;
      title.remove();
      path.addEventListener("pointermove", (event) => {
        point(index);
        told.textContent = text;
        told.hidden = false;
        const left = Math.min(event.clientX + 14, innerWidth - told.offsetWidth - 8);
        const top = Math.min(event.clientY + 14, innerHeight - told.offsetHeight - 8);
        told.style.transform = `translate(${Math.max(left, 4)}px, ${Math.max(top, 4)}px)`;
      });
    });
    svg.addEventListener("pointerleave", () => {
      point(-1);
      told.hidden = true;
    });
  }
  // Where the browser gives pages the clipboard: over https, and to files.
  const copy = document.querySelector(".copy");
  copy.hidden = !navigator.clipboard;
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(copy.dataset.text);
    copy.textContent = "Copied";
  });
})();
