// A slider of ipywidgets stands beside its label, and nothing tells a screen reader that the two belong together.
function name() {
  for (const handle of document.querySelectorAll(".noUi-handle:not([aria-label])")) {
    const slider = handle.closest(".widget-inline-hbox, .widget-inline-vbox");
    const words = slider?.querySelector(".widget-label")?.textContent || slider?.title;
    if (words) handle.setAttribute("aria-label", words);
  }
}

// A table that is wider than its notebook scrolls; by keys only if it can have the focus and JupyterLab leaves it the arrows.
function reach() {
  for (const output of document.querySelectorAll(".jp-OutputArea-output:not([tabindex])")) {
    if (output.scrollWidth > output.clientWidth) {
      output.tabIndex = 0;
      output.dataset.lmSuppressShortcuts = "true";
    }
  }
}

function render() {
  let waiting;
  const soon = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      name();
      reach();
    }, 200);
  };
  const observer = new MutationObserver(soon);
  observer.observe(document.body, { childList: true, subtree: true });
  soon();
  return () => observer.disconnect();
}

export default { render };
