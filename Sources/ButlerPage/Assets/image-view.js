// A FITS image on a canvas: stretched, with a colour bar and the value under the pointer.

import { h, fill } from './dom.js';

const MAPS = {
  grey: [[0, 0, 0], [255, 255, 255]],
  'grey, inverted': [[255, 255, 255], [0, 0, 0]],
  // Points of the map "viridis" (van der Walt and Smith, public domain).
  viridis: [[68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99],
    [170, 220, 50], [253, 231, 37]],
  inferno: [[0, 0, 4], [40, 11, 84], [101, 21, 110], [159, 42, 99], [212, 72, 66], [245, 125, 21], [250, 193, 39],
    [252, 255, 164]],
};

const CURVES = {
  asinh: { up: (t) => Math.asinh(t * 10) / Math.asinh(10), down: (s) => Math.sinh(s * Math.asinh(10)) / 10 },
  linear: { up: (t) => t, down: (s) => s },
  log: { up: (t) => Math.log1p(t * 1000) / Math.log(1001), down: (s) => (1001 ** s - 1) / 1000 },
};

const CUTS = { '99.9 %': [0.001, 0.999], '99 %': [0.01, 0.99], '95 %': [0.05, 0.95], all: [0, 1] };

/** The view of a preview of kind `image`. */
export function imageView(preview) {
  const values = floats(preview.values);
  const state = { map: 'grey', curve: 'asinh', cut: '99.9 %' };
  const canvas = h('canvas', {
    width: preview.columns, height: preview.rows, tabindex: 0, role: 'img',
    'aria-label': `Image of ${preview.width} by ${preview.height} pixels. Arrow keys read out pixels.`,
  });
  // As large as the window allows, so that the colour bar is in sight too.
  canvas.style.width = `min(100%, calc(58vh * ${preview.columns / preview.rows}))`;
  const bar = h('canvas', { width: 256, height: 1, 'aria-hidden': 'true' });
  const scale = h('div.scale', { 'aria-hidden': 'true' });
  const readout = h('output.readout', { 'aria-live': 'polite' }, 'Point at a pixel to read its value.');
  const quantile = (share) => preview.quantiles.find(([at]) => at === share)?.[1] ?? 0;

  const paint = () => {
    const [low, high] = CUTS[state.cut].map(quantile);
    const range = high > low ? high - low : 1;
    const { up, down } = CURVES[state.curve];
    const colors = table(MAPS[state.map]);
    const context = canvas.getContext('2d');
    const picture = context.createImageData(preview.columns, preview.rows);
    for (let row = 0; row < preview.rows; row += 1) {
      // The first row of a FITS image is at the bottom.
      let target = (preview.rows - 1 - row) * preview.columns * 4;
      for (let column = 0; column < preview.columns; column += 1, target += 4) {
        const value = values[row * preview.columns + column];
        if (Number.isNaN(value)) continue;
        const shade = Math.round(255 * up(Math.min(1, Math.max(0, (value - low) / range)))) * 3;
        picture.data[target] = colors[shade];
        picture.data[target + 1] = colors[shade + 1];
        picture.data[target + 2] = colors[shade + 2];
        picture.data[target + 3] = 255;
      }
    }
    context.putImageData(picture, 0, 0);
    const strip = bar.getContext('2d');
    const gradient = strip.createImageData(256, 1);
    for (let shade = 0; shade < 256; shade += 1) {
      gradient.data.set([...colors.slice(shade * 3, shade * 3 + 3), 255], shade * 4);
    }
    strip.putImageData(gradient, 0, 0);
    fill(scale, [0, 0.25, 0.5, 0.75, 1].map((share) => h('span', {}, text(low + range * down(share)))));
  };

  let spot = [Math.floor(preview.columns / 2), Math.floor(preview.rows / 2)];
  const read = () => {
    const [column, row] = spot;
    if (column < 0 || row < 0 || column >= preview.columns || row >= preview.rows) return;
    const value = values[row * preview.columns + column];
    const { block } = preview;
    const place = block === 1 ? `x ${column}, y ${row}`
      : `x ${column * block}…${Math.min(preview.width, (column + 1) * block) - 1}, `
        + `y ${row * block}…${Math.min(preview.height, (row + 1) * block) - 1} (mean)`;
    readout.textContent = `${place}: ${Number.isNaN(value) ? 'no value' : text(value)} ${preview.unit}`;
  };
  canvas.addEventListener('pointermove', (event) => {
    spot = [Math.floor((event.offsetX / canvas.clientWidth) * preview.columns),
      preview.rows - 1 - Math.floor((event.offsetY / canvas.clientHeight) * preview.rows)];
    read();
  });
  canvas.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!step) return;
    event.preventDefault();
    spot = [Math.min(preview.columns - 1, Math.max(0, spot[0] + step[0])),
      Math.min(preview.rows - 1, Math.max(0, spot[1] + step[1]))];
    read();
  });

  const choice = (label, key, options) => h('label', {}, `${label} `, h('select', {
    onchange: (event) => { state[key] = event.target.value; paint(); },
  }, Object.keys(options).map((name) => h('option', { value: name, selected: name === state[key] }, name))));
  paint();
  return h('div.image-view', {},
    h('div.controls', {}, choice('Stretch', 'curve', CURVES), choice('Range', 'cut', CUTS),
      choice('Colours', 'map', MAPS)),
    h('div.picture', {}, canvas),
    h('div.color-bar', {}, bar, scale),
    readout,
    h('p.quiet', {}, `${preview.width} × ${preview.height} pixels`,
      preview.block > 1 ? `, shown as means of ${preview.block} × ${preview.block}` : '',
      preview.unit ? `, in ${preview.unit}` : ''));
}

function floats(base64) {
  const text = atob(base64);
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

/** 256 colours between the points of a map. */
function table(points) {
  const colors = new Uint8ClampedArray(768);
  for (let shade = 0; shade < 256; shade += 1) {
    const place = (shade / 255) * (points.length - 1);
    const index = Math.min(points.length - 2, Math.floor(place));
    for (let channel = 0; channel < 3; channel += 1) {
      colors[shade * 3 + channel] = points[index][channel]
        + (place - index) * (points[index + 1][channel] - points[index][channel]);
    }
  }
  return colors;
}

const text = (value) => (Math.abs(value) >= 1e5 || (value && Math.abs(value) < 1e-3)
  ? value.toExponential(3) : String(Number(value.toPrecision(5))));
