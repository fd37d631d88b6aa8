// The puzzle's face: tiles in rows, swapped by mouse, touch or keyboard. What happened is one list, `swaps`, of
// [place, place, seconds since the first tile was picked up]; the order of the tiles and the moves follow from it.
// Nothing waits for the kernel, which may be busy.

const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const DRAG = 5; // pixels that a pointer moves before a press becomes a drag

function element(parent, tag, className, attributes = {}) {
  const made = parent.appendChild(document.createElement(tag));
  made.className = className;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function render({ model, el }) {
  const count = model.get("tiles").length;
  const columns = model.get("columns");
  const noun = model.get("noun");
  const root = element(el, "div", "course-puzzle");
  const grid = element(root, "div", "course-puzzle-grid", { role: "grid", "aria-label": `${count} ${noun}s to put in order` });
  const cells = Array.from({ length: count / columns }).flatMap(() => {
    const row = element(grid, "div", "course-puzzle-row", { role: "row" });
    // JupyterLab would take arrow keys and Enter for its own, were it not told to leave them.
    return Array.from({ length: columns }, () =>
      element(row, "div", "course-puzzle-cell", { role: "gridcell", "data-lm-suppress-shortcuts": "true" }),
    );
  });
  const images = cells.map((cell) => element(cell, "img", "course-puzzle-tile", { alt: "", draggable: "false" }));
  const bar = element(root, "div", "course-puzzle-bar");
  const answer = element(bar, "button", "course-puzzle-answer jupyter-button", {
    type: "button", "data-lm-suppress-shortcuts": "true",
  });
  answer.textContent = "That is my answer";
  const clock = element(bar, "span", "course-puzzle-clock", { role: "timer", "aria-live": "off" });
  const said = element(root, "div", "course-puzzle-said", { role: "status", "aria-live": "polite" });

  let focused = 0; // the one place that Tab reaches
  let picked = null; // the place whose tile is picked up
  let began = null; // when the first tile of this item was picked up
  let ended = null; // when the answer was given

  const seconds = () => (began === null ? 0 : ((ended ?? performance.now()) - began) / 1000);
  const order = () => {
    const tiles = Array.from({ length: count }, (_, place) => place);
    for (const [a, b] of model.get("swaps")) [tiles[a], tiles[b]] = [tiles[b], tiles[a]];
    return tiles;
  };
  const tile = (place) => `${noun} ${order()[place] + 1}`;

  function tick() {
    const whole = Math.floor(seconds());
    const moves = model.get("swaps").length;
    const time = `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
    clock.textContent = `${time} · ${moves} swap${moves === 1 ? "" : "s"}`;
  }

  function draw() {
    order().forEach((number, place) => {
      const up = place === picked;
      images[place].src = model.get("tiles")[number] ?? "";
      cells[place].tabIndex = place === focused ? 0 : -1;
      cells[place].setAttribute("aria-selected", String(up));
      cells[place].setAttribute("aria-label", `place ${place + 1} of ${count}, ${noun} ${number + 1}${up ? ", picked up" : ""}`);
    });
    tick();
  }

  function focus(place) {
    focused = place;
    draw();
    cells[place].focus({ preventScroll: true });
  }

  function pick(place) {
    began ??= performance.now();
    picked = place;
    said.textContent = `Picked up ${tile(place)} at place ${place + 1}. Choose where it shall go; Escape cancels.`;
    draw();
  }

  function cancel() {
    if (picked !== null) said.textContent = `Put ${tile(picked)} back at place ${picked + 1}.`;
    picked = null;
    draw();
  }

  function putDown(place) {
    const from = picked;
    if (place === from) return cancel();
    picked = null;
    said.textContent = `Swapped: ${tile(from)} is now at place ${place + 1}, ${tile(place)} at place ${from + 1}.`;
    model.set("swaps", [...model.get("swaps"), [from, place, seconds()]]);
    model.save_changes();
    focus(place);
  }

  const choose = (place) => (picked === null ? pick(place) : putDown(place));

  grid.addEventListener("keydown", (event) => {
    const place = cells.indexOf(event.target);
    if (place < 0 || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    if (event.key in ARROWS) {
      const [down, right] = ARROWS[event.key];
      const row = Math.min(count / columns - 1, Math.max(0, Math.floor(place / columns) + down));
      focus(columns * row + Math.min(columns - 1, Math.max(0, (place % columns) + right)));
    } else if (event.key === "Enter" || event.key === " ") {
      if (!event.repeat) choose(place);
    } else if (event.key === "Escape" && picked !== null) {
      cancel();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });

  // A press that moves is a drag, from place to place; one that does not picks up or puts down, as Enter does.
  cells.forEach((cell, place) => {
    let start = null;
    let dragged = false;
    const end = () => {
      start = null;
      images[place].style.transform = "";
      cell.classList.remove("course-puzzle-dragged");
    };
    cell.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !event.isPrimary) return;
      event.preventDefault(); // no selection of text, no dragging of the image itself
      cell.setPointerCapture(event.pointerId);
      [start, dragged] = [[event.clientX, event.clientY], false];
      focus(place);
    });
    cell.addEventListener("pointermove", (event) => {
      if (start === null) return;
      const [x, y] = [event.clientX - start[0], event.clientY - start[1]];
      if (!dragged && Math.hypot(x, y) >= DRAG) {
        dragged = true;
        pick(place);
        cell.classList.add("course-puzzle-dragged");
      }
      if (dragged) images[place].style.transform = `translate(${x}px, ${y}px)`;
    });
    cell.addEventListener("pointerup", (event) => {
      if (start === null) return;
      const target = cells.findIndex((other) => {
        const box = other.getBoundingClientRect();
        return event.clientX >= box.left && event.clientX < box.right && event.clientY >= box.top && event.clientY < box.bottom;
      });
      end();
      if (!dragged) choose(place);
      else if (target < 0) cancel();
      else putDown(target);
    });
    cell.addEventListener("pointercancel", () => {
      if (dragged) cancel();
      end();
    });
  });

  answer.addEventListener("click", () => {
    cancel();
    ended ??= performance.now();
    // With the swaps: the kernel may hear this before it hears of the last of them.
    model.send({ answer: model.get("swaps") });
  });

  function fresh() {
    [picked, began, ended, focused] = [null, null, null, 0];
    said.textContent = "";
    if (root.contains(document.activeElement)) focus(0); // from the button back to the tiles
    else draw();
  }
  function told(message) {
    if (message.focus) focus(focused);
  }
  model.on("change:item", fresh);
  model.on("change:tiles", draw);
  model.on("change:swaps", draw);
  model.on("msg:custom", told);
  const ticking = setInterval(tick, 250);
  draw();

  return () => {
    clearInterval(ticking);
    model.off("change:item", fresh);
    model.off("change:tiles", draw);
    model.off("change:swaps", draw);
    model.off("msg:custom", told);
  };
}

export default { render };
