// The player's face: a film, what is laid over it, its sound, and the sound's picture with a cursor. One clock moves all.
// Where no sound can be played (no loudspeaker, a test), pictures and cursor run without it.

function element(parent, tag, className, attributes = {}) {
  const made = parent.appendChild(document.createElement(tag));
  made.className = className;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function render({ model, el }) {
  const root = element(el, "div", "course-player", { role: "group" });
  const screen = element(root, "div", "course-player-screen");
  const film = element(screen, "img", "course-player-film", { draggable: "false" });
  const overlay = element(screen, "img", "course-player-overlay", { alt: "", draggable: "false" });
  const score = element(root, "div", "course-player-score");
  const heard = element(score, "img", "course-player-spectrogram", { draggable: "false" });
  const cursor = element(score, "div", "course-player-cursor");
  const bar = element(root, "div", "course-player-bar");
  // JupyterLab would take keys for its own, were it not told to leave them.
  const button = element(bar, "button", "course-player-play jupyter-button", {
    type: "button", "data-lm-suppress-shortcuts": "true",
  });
  const slider = element(bar, "input", "course-player-moment", {
    type: "range", min: 0, max: 1000, step: 1, "data-lm-suppress-shortcuts": "true",
  });
  const words = element(root, "div", "course-player-words");
  const audio = new Audio();

  let moment = 0; // seconds
  let began = null; // when playing began, as if from the start; null: it stands still

  const seconds = () => model.get("seconds");

  function draw() {
    const share = Math.min(1, moment / seconds());
    const frames = model.get("frames");
    const number = Math.min(frames.length - 1, Math.floor(share * frames.length));
    film.hidden = frames.length === 0;
    if (frames.length) film.src = frames[number];
    const laid = model.get("overlay");
    overlay.hidden = laid.length === 0;
    if (laid.length) overlay.src = laid[Math.min(laid.length - 1, Math.floor(share * laid.length))];
    cursor.style.left = `${100 * share}%`;
    slider.value = String(Math.round(1000 * share));
    slider.setAttribute("aria-valuetext", `${moment.toFixed(2)} of ${seconds().toFixed(2)} seconds`);
  }

  function label() {
    const playing = began !== null;
    button.textContent = playing ? "❚❚ Stop" : "▶ Play";
    button.setAttribute("aria-label", `${playing ? "Stop" : "Play"}: ${model.get("words")}`);
    root.dataset.playing = String(playing);
  }

  function stand() {
    began = null;
    audio.pause();
    label();
  }

  function step() {
    if (began === null || !root.isConnected) return;
    moment = (performance.now() - began) / 1000;
    if (moment >= seconds()) {
      moment = seconds();
      stand();
    } else requestAnimationFrame(step);
    draw();
  }

  function play() {
    if (moment >= seconds()) moment = 0;
    began = performance.now() - 1000 * moment;
    if (model.get("sound")) {
      audio.currentTime = moment;
      audio.play().catch(() => {}); // the pictures run on
    }
    label();
    requestAnimationFrame(step);
  }

  button.addEventListener("click", () => (began === null ? play() : stand()));
  slider.addEventListener("input", () => {
    stand();
    moment = (seconds() * Number(slider.value)) / 1000;
    draw();
  });

  function fresh() {
    stand();
    moment = 0;
    const [sound, picture, said] = [model.get("sound"), model.get("spectrogram"), model.get("words")];
    root.setAttribute("aria-label", said);
    slider.setAttribute("aria-label", `Moment: ${said}`);
    film.alt = `Film: ${said}`;
    heard.alt = picture ? `Spectrogram: ${said}` : "";
    words.textContent = said;
    score.hidden = !picture;
    if (picture) heard.src = picture;
    if (sound) audio.src = sound;
    label();
    draw();
  }

  const watched = ["frames", "overlay", "sound", "spectrogram", "words", "seconds"].map((name) => `change:${name}`).join(" ");
  model.on(watched, fresh);
  fresh();
  return () => {
    stand();
    model.off(watched, fresh);
  };
}

export default { render };
