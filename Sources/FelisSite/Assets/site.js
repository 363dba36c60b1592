"use strict";

// Every word has to be in the text.
const matches = (text, words) => words.every((word) => text.includes(word));
const wordsOf = (query) => query.toLowerCase().split(/\s+/).filter(Boolean);

// The page of a schema: rows that do not match are hidden, and tables without rows.
function filterRows(query) {
    const words = wordsOf(query);
    for (const section of document.querySelectorAll("section")) {
        let shown = 0;
        for (const row of section.querySelectorAll("tbody tr")) {
            row.hidden = !matches(row.textContent.toLowerCase() + " " + section.id.toLowerCase(), words);
            if (!row.hidden) shown += 1;
        }
        section.hidden = words.length > 0 && shown === 0;
    }
}

// The first page: columns of all schemas.
function searchColumns(query) {
    const list = document.getElementById("results");
    const words = wordsOf(query);
    list.replaceChildren();
    if (words.length === 0) return;
    const limit = 200;
    let count = 0;
    for (const [page, table, column, datatype, description] of window.columns) {
        if (!matches(`${page} ${table} ${column} ${description}`.toLowerCase(), words)) continue;
        count += 1;
        if (count > limit) continue;
        const item = document.createElement("li");
        const link = document.createElement("a");
        link.href = `${encodeURIComponent(page)}.html#${encodeURIComponent(`${table}.${column}`)}`;
        link.textContent = `${page} · ${table}.${column}`;
        const more = document.createElement("span");
        more.className = "faint";
        more.textContent = ` ${datatype} ${description}`;
        item.append(link, more);
        list.append(item);
    }
    const status = document.getElementById("count");
    status.textContent = count > limit ? `${count} columns, the first ${limit} of them` : `${count} columns`;
}

function sortBy(header) {
    const table = header.closest("table");
    const place = [...header.parentElement.children].indexOf(header);
    const descending = header.getAttribute("aria-sort") === "ascending";
    for (const other of header.parentElement.children) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const body = table.tBodies[0];
    const key = (row) => row.cells[place].textContent;
    const rows = [...body.rows].sort((a, b) => key(a).localeCompare(key(b), undefined, { numeric: true }));
    body.append(...(descending ? rows.reverse() : rows));
}

document.addEventListener("DOMContentLoaded", () => {
    const field = document.querySelector("input[type=search]");
    const act = document.getElementById("results") ? searchColumns : filterRows;
    // The search is part of the address, so that it can be passed on.
    const asked = new URLSearchParams(location.search).get("q");
    if (asked) {
        field.value = asked;
        act(asked);
    }
    field.addEventListener("input", () => {
        act(field.value);
        const address = new URL(location.href);
        if (field.value) address.searchParams.set("q", field.value);
        else address.searchParams.delete("q");
        history.replaceState(null, "", address);
    });
    for (const button of document.querySelectorAll("th button")) {
        button.addEventListener("click", () => sortBy(button.parentElement));
    }
});
