// A slider of ipywidgets stands beside its label, and nothing tells a screen reader that the two belong together.
function name() {
  for (const handle of document.querySelectorAll(".noUi-handle:not([aria-label])")) {
    const slider = handle.closest(".widget-inline-hbox, .widget-inline-vbox");
    const words = slider?.querySelector(".widget-label")?.textContent || slider?.title;
    if (words) handle.setAttribute("aria-label", words);
  }
}

function render() {
  let waiting;
  const soon = () => {
    clearTimeout(waiting);
    waiting = setTimeout(name, 200);
  };
  const observer = new MutationObserver(soon);
  observer.observe(document.body, { childList: true, subtree: true });
  soon();
  return () => observer.disconnect();
}

export default { render };
