// A map of regions of the sky on a canvas, to pan, zoom and point at.

import { announce, h } from './dom.js';
import { Gnomonic, HammerAitoff, gridStep, toAngles, wrap } from './projection.js';
import { direction, rings, unit } from './region.js';

const DEGREE = Math.PI / 180;
/** Wider fields are shown as the whole sky, in radians. */
const WIDEST = 75 * DEGREE;

export class SkyMap {
  /** `pick(item)` is called for a click; items have `rings` and `label`. */
  constructor({ pick, height = null } = {}) {
    this.pick = pick;
    this.items = [];
    this.canvas = h('canvas', {
      tabindex: 0, role: 'img', 'aria-label': 'Sky map. Arrow keys pan, plus and minus zoom, 0 shows everything.',
    });
    this.readout = h('output.readout', {}, ' ');
    this.projectionName = h('span.quiet');
    this.element = h('div.sky', {}, this.canvas, h('div.sky-foot', {}, this.readout, this.projectionName,
      h('span.buttons', {},
        h('button', { type: 'button', onclick: () => this.zoom(1.6), 'aria-label': 'Zoom in' }, '+'),
        h('button', { type: 'button', onclick: () => this.zoom(1 / 1.6), 'aria-label': 'Zoom out' }, '−'),
        h('button', { type: 'button', onclick: () => this.fit() }, 'Fit'))));
    if (height) this.canvas.style.height = `${height}px`;
    this.listen();
  }

  /** Adds a region; returns false when it has no outline. */
  add(hex, label, value) {
    const outline = rings(hex).filter((ring) => ring.length > 2);
    if (!outline.length) return false;
    this.items.push({ rings: outline, label, value });
    return true;
  }

  // MARK: View

  /** Everything in sight. */
  fit() {
    const points = this.items.flatMap((item) => item.rings.flat());
    if (!points.length) return this.whole();
    const sum = points.reduce((total, p) => [total[0] + p[0], total[1] + p[1], total[2] + p[2]], [0, 0, 0]);
    const center = unit(sum);
    const radius = points.reduce((most, p) => Math.max(most,
      Math.acos(Math.max(-1, Math.min(1, p[0] * center[0] + p[1] * center[1] + p[2] * center[2])))), 0);
    if (Math.hypot(...sum) < points.length * 0.2 || radius > WIDEST / 2) return this.whole(toAngles(center)[0]);
    const [ra, dec] = toAngles(center);
    this.view = { ra, dec, field: Math.max(2.4 * Math.tan(radius), 2e-5), x: 0, y: 0 };
    return this.draw();
  }

  whole(ra = Math.PI) {
    this.view = { ra, dec: 0, field: 5.9, x: 0, y: 0 };
    this.draw();
  }

  zoom(factor, at = null) {
    if (!this.view) return;
    const wasWhole = this.isWhole;
    const anchor = at ?? [this.width / 2, this.height / 2];
    const place = this.sky(...anchor);
    this.view.field = Math.min(6.5, Math.max(1e-5, this.view.field / factor));
    if (wasWhole !== this.isWhole) {
      const [ra, dec] = (wasWhole ? place ?? this.sky(this.width / 2, this.height / 2) : null)
        ?? [this.view.ra, this.view.dec];
      Object.assign(this.view, { ra, dec: this.isWhole ? 0 : dec, x: 0, y: 0 });
    } else if (at) {
      this.prepare();
      const moved = place && this.screen(direction(...place));
      if (moved) this.pan(anchor[0] - moved[0], anchor[1] - moved[1], false);
    }
    this.draw();
  }

  get isWhole() { return this.view.field > WIDEST; }

  pan(dx, dy, draws = true) {
    if (this.isWhole) {
      this.view.x -= dx / this.scale;
      this.view.y += dy / this.scale;
    } else {
      const center = this.projection.unproject(-dx / this.scale, dy / this.scale);
      if (center) {
        [this.view.ra, this.view.dec] = center;
        this.view.dec = Math.max(-89.9 * DEGREE, Math.min(89.9 * DEGREE, this.view.dec));
      }
    }
    if (draws) this.draw();
  }

  prepare() {
    this.projection = this.isWhole ? new HammerAitoff(this.view.ra) : new Gnomonic(this.view.ra, this.view.dec);
    this.scale = this.isWhole ? this.width / this.view.field : Math.min(this.width, this.height) / this.view.field;
  }

  screen(v) {
    const point = this.projection.project(v);
    return point && [this.width / 2 + (point[0] - this.view.x) * this.scale,
      this.height / 2 - (point[1] - this.view.y) * this.scale];
  }

  sky(x, y) {
    return this.projection.unproject((x - this.width / 2) / this.scale + this.view.x,
      (this.height / 2 - y) / this.scale + this.view.y);
  }

  // MARK: Drawing

  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.paint(); });
  }

  paint() {
    this.width = this.canvas.clientWidth;
    this.height = this.canvas.clientHeight;
    if (!this.width || !this.height) return;
    if (!this.view) { this.fit(); return; }
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = this.width * ratio;
    this.canvas.height = this.height * ratio;
    this.context = this.canvas.getContext('2d');
    this.context.scale(ratio, ratio);
    this.colors = colors(this.canvas, ['--grid-line', '--quiet', '--accent', '--region-fill', '--mark']);
    this.context.font = `11px ${getComputedStyle(this.canvas).fontFamily}`;
    this.prepare();
    this.drawGrid();
    this.drawItems();
    this.projectionName.textContent = `${this.projection.name}, ${angleText(this.view.field / DEGREE)} across`;
  }

  drawGrid() {
    const { context } = this;
    context.strokeStyle = this.colors['--grid-line'];
    context.fillStyle = this.colors['--quiet'];
    context.lineWidth = 1;
    const field = this.view.field / DEGREE;
    const step = this.isWhole ? 30 : gridStep(field / 6);
    const dec0 = this.isWhole ? 0 : this.view.dec / DEGREE;
    const reach = this.isWhole ? 90 : Math.min(90, field * 1.2 * Math.max(1, this.width / this.height));
    const low = Math.max(-90, Math.floor((dec0 - reach) / step) * step);
    const high = Math.min(90, Math.ceil((dec0 + reach) / step) * step);
    const pole = Math.max(Math.abs(low), Math.abs(high)) > 85;
    const cos = Math.max(0.05, Math.cos(dec0 * DEGREE));
    const raStep = this.isWhole ? 30 : gridStep(step / cos);
    const span = this.isWhole || pole ? 180 : Math.min(180, reach / cos + raStep);
    const ra0 = Math.round(this.view.ra / DEGREE / raStep) * raStep;
    const edge = this.isWhole ? 179.999 : null;
    for (let dec = low; dec <= high + 1e-9; dec += step) {
      const from = this.isWhole ? this.view.ra / DEGREE - edge : ra0 - span;
      const to = this.isWhole ? this.view.ra / DEGREE + edge : ra0 + span;
      this.line((share) => [from + (to - from) * share, dec], 96, degreesText(dec), 'left');
    }
    for (let ra = ra0 - Math.ceil(span / raStep) * raStep; ra <= ra0 + span + 1e-9; ra += raStep) {
      if (this.isWhole && Math.abs(wrap((ra * DEGREE) - this.view.ra)) > edge * DEGREE) continue;
      this.line((share) => [ra, low + (high - low) * share], 64, degreesText(((ra % 360) + 360) % 360), 'bottom');
    }
    if (this.isWhole) {
      for (const side of [-edge, edge]) this.line((s) => [this.view.ra / DEGREE + side, -90 + 180 * s], 64, null);
    }
  }

  /** A line of the grid with its number where it meets the edge. */
  line(place, pieces, label, side) {
    const { context } = this;
    let last = null;
    let labelled = label === null;
    context.beginPath();
    for (let piece = 0; piece <= pieces; piece += 1) {
      const [ra, dec] = place(piece / pieces);
      const point = this.screen(direction(ra * DEGREE, dec * DEGREE));
      if (!point || (last && Math.abs(point[0] - last[0]) > this.width * 2)) { last = null; continue; }
      if (last) context.lineTo(...point); else context.moveTo(...point);
      if (!labelled && last) labelled = this.labelCrossing(last, point, label, side);
      last = point;
    }
    context.stroke();
  }

  labelCrossing(a, b, label, side) {
    const { context } = this;
    if (this.isWhole) {
      const y = this.height / 2 + this.view.y * this.scale;
      if (side === 'bottom' && (a[1] - y) * (b[1] - y) <= 0) { context.fillText(label, b[0] + 3, y - 3); return true; }
      const x = this.width / 2 - this.view.x * this.scale;
      if (side === 'left' && (a[0] - x) * (b[0] - x) <= 0) { context.fillText(label, x + 3, b[1] - 3); return true; }
      return false;
    }
    const share = side === 'left' ? a[0] / (a[0] - b[0]) : (this.height - a[1]) / (b[1] - a[1]);
    if (!(share >= 0 && share <= 1)) return false;
    // Near a corner two numbers would meet.
    if (side === 'left' && a[1] > this.height - 20) return true;
    const [x, y] = [a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])];
    if (side === 'left') context.fillText(label, 4, y - 3);
    else context.fillText(label, x + 3, this.height - 5);
    return true;
  }

  drawItems() {
    const { context } = this;
    context.lineWidth = 1.25;
    this.paths = this.items.map((item) => this.path(item));
    context.fillStyle = this.colors['--region-fill'];
    context.strokeStyle = this.colors['--accent'];
    context.globalAlpha = this.items.length > 400 ? 0.5 : 1;
    for (const { path, isCut } of this.paths) {
      if (!isCut) context.fill(path);
      context.stroke(path);
    }
    context.globalAlpha = 1;
    if (this.marked !== undefined && this.paths[this.marked]) {
      context.strokeStyle = this.colors['--mark'];
      context.lineWidth = 2.5;
      context.stroke(this.paths[this.marked].path);
    }
  }

  /** An outline; those that the edge of the map cuts are not filled. */
  path(item) {
    const path = new Path2D();
    let isCut = false;
    for (const ring of item.rings) {
      let last = null;
      for (const v of [...ring, ring[0]]) {
        const point = this.screen(v);
        const jumps = last && point && this.isWhole && Math.abs(point[0] - last[0]) > this.scale * 2;
        if (!point || jumps) isCut = true;
        if (point) { if (last && !jumps) path.lineTo(...point); else path.moveTo(...point); }
        last = point;
      }
    }
    return { path, isCut };
  }

  // MARK: Pointing

  listen() {
    const { canvas } = this;
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
    canvas.addEventListener('wheel', (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 400), [event.offsetX, event.offsetY]);
    }, { passive: false });
    let held = null;
    canvas.addEventListener('pointerdown', (event) => {
      held = { x: event.offsetX, y: event.offsetY, moved: 0 };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener('pointermove', (event) => {
      if (held) {
        const [dx, dy] = [event.offsetX - held.x, event.offsetY - held.y];
        held.moved += Math.abs(dx) + Math.abs(dy);
        if (held.moved > 4) this.pan(dx, dy);
        Object.assign(held, { x: event.offsetX, y: event.offsetY });
      }
      this.point(event.offsetX, event.offsetY);
    });
    canvas.addEventListener('pointerup', () => {
      if (held && held.moved <= 4 && this.marked !== undefined) this.pick?.(this.items[this.marked].value);
      held = null;
    });
    canvas.addEventListener('pointerleave', () => { this.marked = undefined; this.draw(); });
    canvas.addEventListener('keydown', (event) => {
      const step = 40;
      const moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
      if (moves[event.key]) this.pan(...moves[event.key]);
      else if (event.key === '+' || event.key === '=') this.zoom(1.6);
      else if (event.key === '-') this.zoom(1 / 1.6);
      else if (event.key === '0') this.fit();
      else return;
      event.preventDefault();
      const place = this.sky(this.width / 2, this.height / 2);
      if (place) announce(`Centre at ${positionText(place)}`);
    });
  }

  point(x, y) {
    if (!this.paths) return;
    const ratio = window.devicePixelRatio || 1;
    let found;
    for (let index = this.paths.length - 1; index >= 0 && found === undefined; index -= 1) {
      const { path, isCut } = this.paths[index];
      if (!isCut && this.context.isPointInPath(path, x * ratio, y * ratio)) found = index;
    }
    const place = this.sky(x, y);
    this.readout.textContent = [place && positionText(place), found !== undefined && this.items[found].label]
      .filter(Boolean).join(' · ') || ' ';
    this.canvas.classList.toggle('over', found !== undefined);
    if (found !== this.marked) { this.marked = found; this.draw(); }
  }
}

/** Colours of the style sheet as a canvas takes them: computed ones, for light or dark. */
function colors(element, names) {
  const style = getComputedStyle(element);
  const found = Object.fromEntries(names.map((name) => {
    element.style.color = `var(${name})`;
    return [name, style.color];
  }));
  element.style.color = '';
  return found;
}

const positionText = ([ra, dec]) => `RA ${(ra / DEGREE).toFixed(4)}° Dec ${(dec / DEGREE).toFixed(4)}°`;
const degreesText = (value) => `${Number(value.toFixed(4))}°`;

function angleText(degrees) {
  if (degrees >= 1) return `${degrees.toFixed(1)}°`;
  return degrees * 60 >= 1 ? `${(degrees * 60).toFixed(1)}′` : `${(degrees * 3600).toFixed(1)}″`;
}
