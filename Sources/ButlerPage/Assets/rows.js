// Results as rows of a table, whatever their kind.

import { fieldText } from './time.js';

const LAST = ['dataset type', 'run', 'id'];

/** Collects pages. Rows keep only what the table and the map need: results can have many thousands. */
export class ResultRows {
  constructor() {
    this.columns = [];
    this.rows = [];
    this.indices = new Map();
  }

  column(name) {
    let index = this.indices.get(name);
    if (index === undefined) {
      index = this.columns.length;
      this.indices.set(name, index);
      this.columns.push(name);
    }
    return index;
  }

  add(page) {
    if (page.type === 'dataset_ref') for (const ref of page.rows) this.addDataset(ref);
    else if (page.type === 'data_coordinate') for (const id of page.rows) this.addDataID(id, {});
    else if (page.type === 'dimension_record') for (const record of page.rows) this.addRecord(record);
  }

  addDataset(ref) {
    const row = this.addDataID(ref.dataId, { id: ref.id, type: ref.datasetType.name });
    row.cells[this.column('run')] = ref.run;
    row.cells[this.column('dataset type')] = ref.datasetType.name;
    row.cells[this.column('id')] = ref.id;
  }

  addDataID(coordinate, extra) {
    const row = { cells: [], regions: regions(coordinate.records), ...extra };
    for (const [name, value] of Object.entries(coordinate.dataId)) row.cells[this.column(name)] = value;
    this.rows.push(row);
    return row;
  }

  addRecord({ record }) {
    const row = { cells: [], regions: record.region ? [record.region] : [] };
    for (const [name, value] of Object.entries(record)) {
      if (name === 'region') continue;
      row.cells[this.column(name)] = typeof value === 'object' ? fieldText(name, value) : value;
    }
    this.rows.push(row);
  }

  /** Columns as the table shows them: dimensions first, what is said of the dataset after them. */
  get shown() {
    const all = this.columns.map((name, index) => ({ name, index }));
    const last = (column) => LAST.indexOf(column.name);
    return all.sort((a, b) => last(a) - last(b) || a.index - b.index);
  }

  /** What a row is, in a few words. */
  label(row) {
    return this.columns.map((name, index) => [name, row.cells[index]])
      .filter(([name, value]) => value !== undefined && !LAST.includes(name))
      .slice(0, 8).map(([name, value]) => `${name} ${value}`).join(', ');
  }
}

/** The finest region among records: that of a detector in a visit rather than that of the visit. */
export function regions(records) {
  if (!records) return [];
  const found = Object.entries(records).filter(([, { record }]) => record.region);
  if (!found.length) return [];
  found.sort(([a, x], [b, y]) => Object.keys(y.record).length && rank(b) - rank(a));
  return [found[0][1].record.region];
}

const rank = (element) => ({ visit_detector_region: 4, patch: 3, tract: 2, visit: 1 })[element] ?? 0;
