// What Prometheus' PromQL editor offers at the end of an expression, asking a server: complete.js URL
// METHOD. Each line of stdin is an expression; each line of stdout a JSON list of its completions,
// {label, detail, info}, without the language's own words.
'use strict';

const readline = require('node:readline');
const { CompletionContext } = require('@codemirror/autocomplete');
const { EditorState } = require('@codemirror/state');
const { PromQLExtension, newCompleteStrategy } = require('@prometheus-io/codemirror-promql');

const [url, httpMethod] = process.argv.slice(2);
const failures = [];
const remote = {
  url,
  httpMethod,
  lookbackInterval: 3600 * 1000,
  httpErrorHandler: (error) => failures.push(String(error)),
};
const alone = newCompleteStrategy();
const extension = new PromQLExtension().asExtension();

async function offered(strategy, text) {
  const state = EditorState.create({ doc: text, extensions: extension });
  const result = await strategy.promQL(new CompletionContext(state, text.length, true));
  return result ? result.options : [];
}

async function complete(text) {
  const words = new Set((await offered(alone, text)).map((o) => o.label));
  const options = await offered(newCompleteStrategy({ remote }), text); // a new one has an empty cache
  return options.filter((o) => !words.has(o.label)).map(({ label, detail, info }) => ({ label, detail, info }));
}

async function main() {
  for await (const text of readline.createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await complete(text)));
  }
  for (const failure of failures) {
    console.error(failure);
  }
  process.exit(failures.length ? 1 : 0);
}

main();
