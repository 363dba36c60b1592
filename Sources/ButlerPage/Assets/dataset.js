// One dataset: what it is, where it comes from, its files, a look inside.

import { bytes, complaint, facts, fill, h, spinner } from './dom.js';
import { conditionOf, quoted } from './names.js';
import { preview } from './preview.js';
import { regions } from './rows.js';
import { SkyMap } from './sky-map.js';
import { fieldText } from './time.js';

export function datasetPlace({ repository, id, signal, link }) {
  const says = h('p.doc');
  const element = h('article.dataset', {}, spinner());
  return {
    element,
    async start() {
      const { dataset_ref: ref } = await repository.get(`dataset/${id}?dimension_records=true`, signal);
      if (!ref) {
        fill(element, complaint(new Error(`There is no dataset ${id} in this repository.`)));
        return;
      }
      const files = h('section.panel', {}, h('h2', {}, 'Files'), spinner());
      const look = h('section.panel.look', {}, h('h2', {}, 'Preview'), spinner());
      const provenance = h('div');
      repository.datasetTypes().then((types) => {
        says.textContent = types.find((type) => type.name === ref.datasetType.name)?.description ?? '';
      }, () => {});
      fill(element, title(ref, says), h('div.columns', {},
        h('div', {}, identity(ref, link, provenance), files, ...records(ref)), h('div', {}, look, place(ref))));
      let found = [];
      try {
        found = await showFiles(files, repository, id, signal);
      } catch (error) {
        if (error.name === 'AbortError') return;
        fill(files, h('h2', {}, 'Files'), complaint(error));
      }
      if (found.length) preview(look, provenance, repository, id, found, signal);
      else look.remove();
    },
  };
}

function title(ref, says) {
  const values = Object.entries(ref.dataId.dataId).filter(([name]) => !['day_obs', 'group'].includes(name));
  return h('header', {}, h('h1', {}, ref.datasetType.name), says,
    h('p.data-id', {}, values.map(([name, value]) => h('span', {}, h('span.quiet', {}, `${name} `), String(value)))));
}

function identity(ref, link, provenance) {
  const type = ref.datasetType;
  const same = link('query', {
    kind: 'datasets', names: type.name, collections: quoted(ref.run), run: '1',
  });
  const condition = conditionOf(Object.fromEntries(Object.entries(ref.dataId.dataId)
    .filter(([name]) => (type.dimensions ?? []).includes(name))));
  return h('section.panel', {}, h('h2', {}, 'Identity'),
    facts([
      ['ID', h('code', {}, ref.id)],
      ['Run', h('a', { href: link('', { collection: ref.run }) }, ref.run)],
      ['Dataset type', h('a', { href: same }, type.name)],
      ['Dimensions', (type.dimensions ?? []).join(', ') || 'none'],
      ['Storage class', type.storageClass],
      ['Calibration', type.isCalibration ? 'yes' : null],
      ['Elsewhere', h('a', {
        href: link('query', { kind: 'datasets', names: type.name, collections: '*', ...condition, first: '0', run: '1' }),
      }, 'the same data ID in all collections')],
    ]), provenance);
}

/** The records behind the data ID, closed at first. */
function records(ref) {
  const all = Object.entries(ref.dataId.records ?? {}).filter(([, value]) => value);
  if (!all.length) return [];
  return [h('section.panel', {}, h('h2', {}, 'Dimension records'), all.map(([name, { record }]) =>
    h('details', {}, h('summary', {}, name), facts(Object.entries(record)
      .filter(([field]) => field !== 'region').map(([field, value]) => [field, fieldText(field, value)])))))];
}

function place(ref) {
  const [hex] = regions(ref.dataId.records);
  if (!hex) return null;
  const map = new SkyMap({ height: 260 });
  if (!map.add(hex, ref.datasetType.name, null)) return null;
  return h('section.panel', {}, h('h2', {}, 'On the sky'), map.element);
}

async function showFiles(panel, repository, id, signal) {
  const { artifact } = await repository.get(`get_file/${id}`, signal);
  const found = artifact?.file_info ?? [];
  if (!found.length) {
    fill(panel, h('h2', {}, 'Files'), h('p.quiet', {}, 'The repository has no files for it: they were removed, or never stored.'));
    return [];
  }
  fill(panel, h('h2', {}, 'Files'), found.map(({ url, datastoreRecords: info }) => {
    const name = info.path.split('#')[0].split('/').pop();
    return h('div.file', {},
      h('p', {}, h('a.button', { href: local(url), download: name }, 'Download'), ' ', h('span.name', {}, name)),
      facts([['Size', bytes(info.file_size)], ['Component', info.component],
        ['Formatter', info.formatter.split('.').slice(-2).join('.')], ['Storage class', info.storage_class],
        ['Checksum', info.checksum], ['Path', h('span.path', {}, info.path)]]));
  }));
  return found.map((file) => ({ component: file.datastoreRecords.component }));
}

/** URLs of this server without its name: behind a proxy the browser knows that better. */
function local(url) {
  const target = new URL(url, location.href);
  return target.host === location.host ? target.pathname + target.search : url;
}
