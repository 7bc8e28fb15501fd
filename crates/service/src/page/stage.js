// A picture before and after, one over the other: a divider between them, zoom, and a hand to move them.

const STEP = 1.25;
const MOST = 32;
const NEAR = 28;

/** Shows two layers of the same size in an element, and calls back when what is shown has changed. */
export class Stage {
  constructor(element, shown) {
    Object.assign(this, { element, shown, width: 1, height: 1, scale: 1, x: 0, y: 0, cut: 0.5, pointers: new Map() });
    this.layers = [...element.querySelectorAll(".stage-before, .stage-after")];
    element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    element.addEventListener("pointerdown", (event) => this.down(event));
    element.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) element.addEventListener(name, (event) => this.up(event));
    element.addEventListener("dblclick", (event) => (this.isFit ? this.zoom(this.one, event) : this.fit()));
    element.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => (this.isFit ? this.fit() : this.apply())).observe(element);
    this.isFit = true;
  }

  /** The scale at which a pixel of the picture is a pixel of the screen. */
  get one() {
    return 1 / devicePixelRatio;
  }

  /** How large a pixel of the picture is on the screen. */
  get magnification() {
    return this.scale * devicePixelRatio;
  }

  /** Shows layers that have this size. */
  show(width, height) {
    Object.assign(this, { width, height, cut: 0.5 });
    this.fit();
  }

  fit() {
    const { clientWidth, clientHeight } = this.element;
    this.scale = Math.min(clientWidth / this.width, clientHeight / this.height, 4);
    this.isFit = true;
    this.apply();
  }

  /** Zooms to a scale; what is at the event's place, or in the middle, stays there. */
  zoom(scale, event) {
    const box = this.element.getBoundingClientRect();
    const [px, py] = event ? [event.clientX - box.left, event.clientY - box.top] : [box.width / 2, box.height / 2];
    const next = Math.min(Math.max(scale, 0.02), MOST * this.one);
    this.x = px - ((px - this.x) * next) / this.scale;
    this.y = py - ((py - this.y) * next) / this.scale;
    this.scale = next;
    this.isFit = false;
    this.apply();
  }

  in() { this.zoom(this.scale * STEP); }

  out() { this.zoom(this.scale / STEP); }

  /** Moves the divider; 0 is the left edge, 1 the right. */
  divide(cut) {
    this.cut = Math.min(Math.max(cut, 0), 1);
    this.apply();
  }

  apply() {
    const { clientWidth, clientHeight } = this.element;
    const [width, height] = [this.width * this.scale, this.height * this.scale];
    // A picture that fits is in the middle; a larger one leaves no gap.
    const held = (at, length, room) => (length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, at)));
    this.x = held(this.x, width, clientWidth);
    this.y = held(this.y, height, clientHeight);
    const style = this.element.style;
    style.setProperty("--x", `${this.x}px`);
    style.setProperty("--y", `${this.y}px`);
    style.setProperty("--w", `${width}px`);
    style.setProperty("--h", `${height}px`);
    style.setProperty("--cut", `${this.cut * 100}%`);
    this.element.classList.toggle("is-close", this.magnification >= 3);
    this.element.classList.toggle("is-fit", this.isFit);
    this.shown(this);
  }

  wheel(event) {
    event.preventDefault();
    this.zoom(this.scale * Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.002)), event);
  }

  down(event) {
    this.element.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    const box = this.element.getBoundingClientRect();
    const near = Math.abs(event.clientX - box.left - this.cut * box.width) < NEAR;
    // A picture that fits cannot be moved, so the hand moves the divider.
    this.divides = near || this.isFit;
    if (this.isFit) this.divide((event.clientX - box.left) / box.width);
  }

  move(event) {
    const from = this.pointers.get(event.pointerId);
    if (!from) return;
    if (this.pointers.size === 2) return this.pinch(event);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    const box = this.element.getBoundingClientRect();
    if (this.divides) return this.divide((event.clientX - box.left) / box.width);
    this.x += event.clientX - from[0];
    this.y += event.clientY - from[1];
    return this.apply();
  }

  pinch(event) {
    const spread = () => {
      const [[ax, ay], [bx, by]] = [...this.pointers.values()];
      return { length: Math.hypot(ax - bx, ay - by), clientX: (ax + bx) / 2, clientY: (ay + by) / 2 };
    };
    const before = spread();
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    const after = spread();
    if (before.length > 0) this.zoom((this.scale * after.length) / before.length, after);
  }

  up(event) {
    this.pointers.delete(event.pointerId);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = 48;
    const move = (x, y) => { this.x += x; this.y += y; this.apply(); };
    const keys = {
      ArrowLeft: () => (this.isFit ? this.divide(this.cut - 0.02) : move(step, 0)),
      ArrowRight: () => (this.isFit ? this.divide(this.cut + 0.02) : move(-step, 0)),
      ArrowUp: () => move(0, step),
      ArrowDown: () => move(0, -step),
      "+": () => this.in(),
      "=": () => this.in(),
      "-": () => this.out(),
      0: () => this.fit(),
      1: () => this.zoom(this.one),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  }
}
