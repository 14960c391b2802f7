// What a lab must give back when its cell is run again or its view is closed.

export class Life {
  #endings = [];
  ended = false;

  /** Run `ending` when the lab ends. */
  onEnd(ending) {
    this.#endings.push(ending);
  }

  /** Add an event listener for as long as the lab lives. */
  listen(target, type, listener, options) {
    target.addEventListener(type, listener, options);
    this.onEnd(() => target.removeEventListener(type, listener, options));
  }

  /** Listen to traits of the widget's model: `"change:state change:step"`. */
  observe(model, names, listener) {
    for (const name of names) {
      model.on(`change:${name}`, listener);
      this.onEnd(() => model.off(`change:${name}`, listener));
    }
  }

  end() {
    this.ended = true;
    for (const ending of this.#endings.splice(0)) ending();
  }
}

/** Calls `work(now, elapsed)` once per frame while there is something to do and someone to see it.
 *
 * `work` returns whether it wants another frame. Nothing runs off-screen or in a hidden page. */
export class FrameLoop {
  #frame = 0;
  #last = null;
  #visible = false;

  constructor(element, life, work, { onFirstSight } = {}) {
    this.work = work;
    this.life = life;
    const observer = new IntersectionObserver((entries) => {
      this.#visible = entries.at(-1).isIntersecting;
      if (this.#visible) {
        onFirstSight?.();
        onFirstSight = null;
        this.request();
      } else {
        this.#stop();
      }
    });
    observer.observe(element);
    life.onEnd(() => {
      observer.disconnect();
      this.#stop();
    });
    life.listen(document, "visibilitychange", () => (document.hidden ? this.#stop() : this.request()));
  }

  /** Ask for a frame, if none is on its way. */
  request() {
    if (this.#frame || !this.#visible || document.hidden || this.life.ended) return;
    this.#frame = requestAnimationFrame((now) => this.#run(now));
  }

  #run(now) {
    this.#frame = 0;
    // A pause of any length counts as one short frame, so that no motion jumps.
    const elapsed = this.#last === null ? 0 : Math.min(now - this.#last, 100);
    this.#last = now;
    if (this.work(now, elapsed)) this.request();
    else this.#last = null;
  }

  #stop() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#last = null;
  }
}
