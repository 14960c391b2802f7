// A chart over time as a scrubber: a line at the instant that is shown, moved by mouse, finger or keys.
import { KEYS_STAY_HERE, element, setAttributes } from "./controls.js";

const KEYS = { ArrowLeft: -0.01, ArrowDown: -0.01, ArrowRight: 0.01, ArrowUp: 0.01, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 };

/** Lay a scrubber over a stage. `axes()` gives the chart's axes once it is drawn, with time along x;
 * `seek(time)` shows an instant; `grabbed` and `released` frame a drag, and `stopped` comes before a key. */
export function scrubber(stage, life, { axes, seek, grabbed, released, stopped }) {
  const line = element("div", { class: "hnn-scrub", role: "slider", tabindex: "0", "aria-label": "time that is shown", "aria-orientation": "horizontal", ...KEYS_STAY_HERE });
  stage.classList.add("hnn-scrubbed");
  stage.append(line);
  let shown = 0;
  let held = false;
  const within = (time) => Math.min(axes().xHigh, Math.max(axes().xLow, time));
  const follow = (event) => seek(within(axes().invert(event.clientX - stage.getBoundingClientRect().left, 0)[0]));
  life.listen(stage, "pointerdown", (event) => {
    if (event.button !== 0 || !axes()) return;
    held = true;
    stage.setPointerCapture(event.pointerId);
    line.focus({ preventScroll: true });
    event.preventDefault();
    grabbed();
    follow(event);
  });
  life.listen(stage, "pointermove", (event) => held && follow(event));
  const release = () => {
    if (!held) return;
    held = false;
    released();
  };
  life.listen(stage, "pointerup", release);
  life.listen(stage, "pointercancel", release);
  life.listen(line, "keydown", (event) => {
    const share = KEYS[event.key];
    if (share === undefined || !axes() || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    stopped();
    seek(within(shown + share * (event.shiftKey ? 5 : 1) * (axes().xHigh - axes().xLow)));
  });
  return {
    /** Stand at a time. */
    put(time) {
      shown = time;
      if (axes()) line.style.transform = `translateX(${axes().x(within(time)).toFixed(1)}px)`;
    },
    say(text) {
      if (axes()) setAttributes(line, { "aria-valuemin": axes().xLow, "aria-valuemax": axes().xHigh, "aria-valuenow": shown.toFixed(2), "aria-valuetext": text });
    },
  };
}
