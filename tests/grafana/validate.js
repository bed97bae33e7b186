// validate.js: holds a dashboard against the model that Grafana publishes as types
// (@grafana/schema): unknown members, wrong types and values that an enum does not have are errors.
// Prints what is wrong, a line each; exit code 1 when anything is.
//
// The dashboard is put into a source file as a value of its type, and the TypeScript compiler judges
// it. What a panel may have in `options` is its plugin's own: those are held against the plugin's
// type as well.
'use strict';

const fs = require('fs');
const path = require('path');
const ts = require('typescript');

const RAW = path.join(__dirname, 'node_modules/@grafana/schema/dist/esm/raw');
const MODEL = path.join(RAW, 'dashboard/x/dashboard_types.gen');
const PLUGINS = { timeseries: 'timeseries', stat: 'stat' };

// A member of an enum is its value in JSON.
const AS_JSON = `type AsJson<T> = T extends string ? \`\${T}\` : T extends (infer U)[] ? AsJson<U>[]
  : T extends object ? { [K in keyof T]: AsJson<T[K]> } : T;`;

function optionsType(name) {
  const folder = path.join(RAW, `composable/${name}/panelcfg/x`);
  const file = fs.readdirSync(folder).find((entry) => entry.endsWith('.d.ts'));
  return path.join(folder, file.replace(/\.d\.ts$/, ''));
}

function source(dashboard) {
  const lines = [`import type { Dashboard, Panel, RowPanel } from ${JSON.stringify(MODEL)};`, AS_JSON];
  const { panels, ...rest } = dashboard;
  lines.push(`export const dashboard: AsJson<Dashboard> = ${JSON.stringify(rest)};`);
  for (const [name, folder] of Object.entries(PLUGINS))
    lines.push(`import type { Options as ${name} } from ${JSON.stringify(optionsType(folder))};`);
  panels.forEach((panel, i) => {
    const isRow = panel.type === 'row';
    const type = `AsJson<${isRow ? 'RowPanel' : 'Panel'}>`;
    lines.push(`export const panel${i}: ${type} = ${JSON.stringify(panel)};`);
    if (PLUGINS[panel.type])
      lines.push(`export const options${i}: AsJson<${panel.type}> = ${JSON.stringify(panel.options)};`);
    else if (!isRow) lines.push(`a panel of the unknown type ${panel.type}`);
  });
  return lines.join('\n');
}

function judge(text) {
  const name = path.join(__dirname, 'dashboard-as-source.ts');
  const options = { strict: true, noEmit: true, skipLibCheck: true, types: [],
    module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (file) => file === name || fileExists(file);
  host.readFile = (file) => (file === name ? text : readFile(file));
  host.getSourceFile = (file, ...more) =>
    file === name ? ts.createSourceFile(file, text, ...more) : getSourceFile(file, ...more);
  const program = ts.createProgram([name], options, host);
  return ts.getPreEmitDiagnostics(program);
}

const problems = judge(source(JSON.parse(fs.readFileSync(process.argv[2], 'utf8'))));
for (const problem of problems)
  console.log(ts.flattenDiagnosticMessageText(problem.messageText, ' '));
process.exit(problems.length > 0 ? 1 : 0);
