// validate.js: holds OTLP/HTTP trace requests in JSON, one a line on stdin, against the protocol's
// protobuf definitions as OpenTelemetry publishes them (the generated code of
// @opentelemetry/otlp-transformer). Prints what is wrong, a line each; exit code 1 when anything is.
//
// Attributes are held against the constants of OpenTelemetry's semantic conventions: one that they do
// not have, or have deprecated, is wrong, but for the few that are our own.
//
// Protobuf's JSON mapping applies with OTLP's exceptions: ids are hexadecimal, not base64; enums are
// numbers. A request is read into the message type and written out again: what the type does not
// know is lost on the way, and what has another JSON type comes back changed.
'use strict';

const fs = require('fs');
const path = require('path');
const root = require('@opentelemetry/otlp-transformer/build/src/generated/root');

const { Span, Status } = root.opentelemetry.proto.trace.v1;
const Request = root.opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;
const ID_BYTES = { traceId: 16, spanId: 8, parentSpanId: 8 };
const ENUMS = { kind: Span.SpanKind, code: Status.StatusCode };
const MUST = ['traceId', 'spanId', 'name', 'startTimeUnixNano', 'endTimeUnixNano'];

const OWN = ['request.id'];

// The names of @opentelemetry/semantic-conventions, without those whose comment says @deprecated.
function currentNames() {
  const folder = path.dirname(require.resolve('@opentelemetry/semantic-conventions/incubating'));
  const names = new Set(OWN);
  for (const file of ['stable_attributes.d.cts', 'experimental_attributes.d.cts']) {
    const text = fs.readFileSync(path.join(folder, file), 'utf8');
    for (const found of text.matchAll(/\/\*\*((?:(?!\*\/)[^])*)\*\/\ndeclare const ATTR_\w+: "([^"]+)";/g))
      if (!found[1].includes('@deprecated')) names.add(found[2]);
  }
  return names;
}

const NAMES = currentNames();
const problems = [];

// A copy with base64 where OTLP has hexadecimal, as the message type reads bytes.
function withBase64(value, path) {
  if (Array.isArray(value)) return value.map((item, i) => withBase64(item, `${path}[${i}]`));
  if (value === null || typeof value !== 'object') return value;
  const copy = {};
  for (const [key, member] of Object.entries(value)) {
    copy[key] = withBase64(member, `${path}.${key}`);
    if (key in ID_BYTES) copy[key] = idAsBase64(member, ID_BYTES[key], `${path}.${key}`);
    if (key in ENUMS && !Object.values(ENUMS[key]).includes(member))
      problems.push(`${path}.${key}: ${JSON.stringify(member)} is no value of the enum`);
  }
  return copy;
}

function idAsBase64(text, bytes, path) {
  const good = typeof text === 'string' && /^([0-9a-f]{2})+$/.test(text) && /[^0]/.test(text);
  if (!good || text.length !== 2 * bytes)
    problems.push(`${path}: ${JSON.stringify(text)} is no id of ${bytes} bytes in hexadecimal`);
  return Buffer.from(String(text), 'hex').toString('base64');
}

function compare(sent, read, path) {
  const isObject = (value) => value !== null && typeof value === 'object';
  if (Array.isArray(sent) && sent.length === 0 && read === undefined) return; // the same to protobuf
  if (!isObject(sent) || !isObject(read)) {
    if (sent !== read)
      problems.push(`${path}: ${JSON.stringify(sent)} is unknown or reads as ${JSON.stringify(read)}`);
    return;
  }
  for (const key of new Set([...Object.keys(sent), ...Object.keys(read)]))
    compare(sent[key], read[key], `${path}.${key}`);
}

function checkNames(keys, path) {
  for (const key of keys)
    if (!NAMES.has(key)) problems.push(`${path}: the conventions have no ${key}, or not any more`);
}

function checkSpan(span, path) {
  for (const name of MUST) if (!(name in span)) problems.push(`${path}: no ${name}`);
  const [start, end] = [span.startTimeUnixNano, span.endTimeUnixNano];
  if (!/^[0-9]{19}$/.test(start) || !/^[0-9]{19}$/.test(end) || start > end)
    problems.push(`${path}: from ${start} to ${end}`);
  const keys = (span.attributes || []).map((attribute) => attribute.key);
  if (new Set(keys).size !== keys.length) problems.push(`${path}: an attribute twice`);
  checkNames(keys, path);
}

function check(line, number) {
  const path = `request ${number}`;
  const sent = withBase64(JSON.parse(line), path);
  const wrong = Request.verify(Request.fromObject(sent));
  if (wrong) problems.push(`${path}: ${wrong}`);
  const options = { longs: String, bytes: String, enums: undefined, defaults: false };
  compare(sent, Request.toObject(Request.fromObject(sent), options), path);
  for (const { resource } of sent.resourceSpans || [])
    checkNames((resource?.attributes || []).map((attribute) => attribute.key), path);
  for (const resourceSpans of sent.resourceSpans || [])
    for (const scopeSpans of resourceSpans.scopeSpans || [])
      for (const span of scopeSpans.spans || []) checkSpan(span, `${path}: ${span.name}`);
}

const lines = fs.readFileSync(0, 'utf8').split('\n').filter(Boolean);
lines.forEach((line, i) => {
  try {
    check(line, i + 1);
  } catch (error) {
    problems.push(`request ${i + 1}: ${error.message}`);
  }
});
problems.forEach((problem) => console.log(problem));
process.exit(problems.length > 0 ? 1 : 0);
