#!/usr/bin/env node
// Usage: lint.js TEMPLATE…
//
// Checks CloudFormation templates against AWS's own description of its resources (the npm package
// @aws-cdk/aws-service-spec): each resource type, property, property type and attribute exists, what
// is required is there, each Ref, GetAtt, Sub, If and DependsOn names something, each parameter and
// condition is used. One line a finding; exit code 1 when there is one. bin/check runs it.
'use strict';
const fs = require('fs');
const yaml = require('yaml');
const { loadAwsServiceSpecSync } = require('@aws-cdk/aws-service-spec');

const SECTIONS = ['AWSTemplateFormatVersion', 'Description', 'Metadata', 'Parameters', 'Rules', 'Mappings', 'Conditions',
  'Transform', 'Resources', 'Outputs'];
const ATTRIBUTES = ['Type', 'Properties', 'DependsOn', 'Condition', 'DeletionPolicy', 'UpdateReplacePolicy',
  'CreationPolicy', 'UpdatePolicy', 'Metadata'];
const PSEUDO = ['AccountId', 'NoValue', 'NotificationARNs', 'Partition', 'Region', 'StackId', 'StackName', 'URLSuffix'];
const FUNCTIONS = ['Ref', 'Fn::And', 'Fn::Base64', 'Fn::Cidr', 'Fn::Equals', 'Fn::FindInMap', 'Fn::GetAtt', 'Fn::GetAZs',
  'Fn::If', 'Fn::ImportValue', 'Fn::Join', 'Fn::Not', 'Fn::Or', 'Fn::Select', 'Fn::Split', 'Fn::Sub', 'Condition'];

// Short forms (!Ref x) become their long ones ({Ref: x}).
const tags = FUNCTIONS.flatMap((name) => {
  const tag = '!' + name.replace('Fn::', '');
  const wrap = (value) => ({ [name]: name === 'Fn::GetAtt' && typeof value === 'string' ? split(value) : value });
  return [
    { tag, resolve: (text) => wrap(text) },
    { tag, collection: 'seq', resolve: (node) => wrap(node.toJSON()) },
    { tag, collection: 'map', resolve: (node) => wrap(node.toJSON()) },
  ];
});

function split(text) {
  const dot = text.indexOf('.');
  return dot < 0 ? [text] : [text.slice(0, dot), text.slice(dot + 1)];
}

const database = loadAwsServiceSpecSync();

function describe(type) {
  return database.lookup('resource', 'cloudFormationType', 'equals', type)[0];
}

class Template {
  constructor(file) {
    this.file = file;
    this.findings = [];
    this.used = new Set();
    const document = yaml.parseDocument(fs.readFileSync(file, 'utf8'), { customTags: tags, logLevel: 'silent' });
    for (const problem of [...document.errors, ...document.warnings]) this.complain('', problem.message.split('\n')[0]);
    this.content = document.toJSON() || {};
  }

  complain(place, what) {
    this.findings.push(`${this.file}: ${place ? place + ': ' : ''}${what}`);
  }

  section(name) {
    return this.content[name] || {};
  }

  check() {
    for (const name of Object.keys(this.content)) {
      if (!SECTIONS.includes(name)) this.complain(name, 'is no section of a template');
    }
    if (Object.keys(this.section('Resources')).length === 0) this.complain('Resources', 'there is none');
    for (const [name, resource] of Object.entries(this.section('Resources'))) this.checkResource(name, resource);
    for (const section of ['Conditions', 'Outputs']) this.checkFunctions(this.section(section), section);
    for (const [name, output] of Object.entries(this.section('Outputs'))) {
      if (output.Value === undefined) this.complain(`Outputs.${name}`, 'has no Value');
    }
    for (const name of Object.keys(this.section('Parameters'))) {
      if (!this.section('Parameters')[name].Type) this.complain(`Parameters.${name}`, 'has no Type');
      if (!this.used.has(name)) this.complain(`Parameters.${name}`, 'is not used');
    }
    for (const name of Object.keys(this.section('Conditions'))) {
      if (!this.used.has('condition ' + name)) this.complain(`Conditions.${name}`, 'is not used');
    }
    return this.findings;
  }

  checkResource(name, resource) {
    const place = `Resources.${name}`;
    if (!/^[A-Za-z0-9]+$/.test(name)) this.complain(place, 'a logical id has letters and digits alone');
    for (const key of Object.keys(resource)) {
      if (!ATTRIBUTES.includes(key)) this.complain(place, `${key} is no attribute of a resource`);
    }
    for (const other of [].concat(resource.DependsOn || [])) {
      if (!this.section('Resources')[other]) this.complain(place, `depends on ${other}, which is not there`);
    }
    if (resource.Condition) this.useCondition(resource.Condition, place);
    const description = describe(resource.Type);
    if (!description) {
      this.complain(place, `there is no type ${resource.Type}`);
      return;
    }
    this.checkFunctions(resource.Properties, place);
    this.checkObject(resource.Properties || {}, description.properties, place);
  }

  // A value that is a function stands for what it gives; `If` for either of its values.
  isFunction(value) {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return false;
    const keys = Object.keys(value);
    return keys.length === 1 && FUNCTIONS.includes(keys[0]) && keys[0] !== 'Condition';
  }

  checkObject(value, properties, place) {
    for (const [key, item] of Object.entries(value)) {
      if (!properties[key]) this.complain(place, `there is no property ${key}`);
      else this.checkValue(item, properties[key].type, `${place}.${key}`);
    }
    for (const [key, property] of Object.entries(properties)) {
      if (property.required && value[key] === undefined) this.complain(place, `${key} is missing`);
    }
  }

  checkValue(value, type, place) {
    if (this.isFunction(value)) {
      if (value['Fn::If']) for (const branch of value['Fn::If'].slice(1)) this.checkValue(branch, type, place);
      return;
    }
    const problem = this.mismatch(value, type, place);
    if (problem) this.complain(place, problem);
  }

  mismatch(value, type, place) {
    const isObject = value !== null && typeof value === 'object' && !Array.isArray(value);
    switch (type.type) {
      case 'string': return ['string', 'number', 'boolean'].includes(typeof value) ? null : 'must be a string';
      case 'integer': return /^-?\d+$/.test(String(value)) ? null : 'must be a whole number';
      case 'number': return value !== '' && !isNaN(value) ? null : 'must be a number';
      case 'boolean': return /^(true|false)$/.test(String(value)) ? null : 'must be true or false';
      case 'array':
        if (!Array.isArray(value)) return 'must be a list';
        value.forEach((item, i) => this.checkValue(item, type.element, `${place}[${i}]`));
        return null;
      case 'map':
        if (!isObject) return 'must be a map';
        for (const [key, item] of Object.entries(value)) this.checkValue(item, type.element, `${place}.${key}`);
        return null;
      case 'ref':
        if (!isObject) return 'must be a map';
        this.checkObject(value, database.get('typeDefinition', type.reference.$ref).properties, place);
        return null;
      case 'union': return null;
      default: return null; // json and the like: anything
    }
  }

  checkFunctions(value, place) {
    if (value === null || typeof value !== 'object') return;
    for (const [key, item] of Object.entries(value)) {
      const here = Array.isArray(value) ? `${place}[${key}]` : `${place}.${key}`;
      if (key === 'Ref') this.use(item, place);
      else if (key === 'Fn::GetAtt') this.useAttribute(item, place);
      else if (key === 'Fn::If') this.useCondition(item[0], place);
      else if (key === 'Fn::Sub') this.checkSub(item, place);
      else if (key.startsWith('Fn::') && !FUNCTIONS.includes(key)) this.complain(here, `there is no function ${key}`);
      this.checkFunctions(item, here);
    }
  }

  checkSub(value, place) {
    const [text, names] = Array.isArray(value) ? value : [value, {}];
    for (const [, name] of text.matchAll(/\$\{([^!}][^}]*)\}/g)) {
      if (names && name in names) continue;
      const [resource, attribute] = split(name);
      if (attribute) this.useAttribute([resource, attribute], place);
      else this.use(name, place);
    }
  }

  use(name, place) {
    this.used.add(name);
    if (name.startsWith('AWS::') ? PSEUDO.includes(name.slice(5))
      : this.section('Parameters')[name] || this.section('Resources')[name]) return;
    this.complain(place, `${name} is neither a parameter nor a resource`);
  }

  useCondition(name, place) {
    this.used.add('condition ' + name);
    if (!this.section('Conditions')[name]) this.complain(place, `there is no condition ${name}`);
  }

  useAttribute([name, attribute], place) {
    const resource = this.section('Resources')[name];
    if (!resource) return this.complain(place, `there is no resource ${name}`);
    const description = describe(resource.Type);
    if (description && !description.attributes[attribute] && !description.properties[attribute]) {
      this.complain(place, `${resource.Type} has no attribute ${attribute}`);
    }
  }
}

const findings = process.argv.slice(2).flatMap((file) => new Template(file).check());
for (const finding of findings) console.log(finding);
process.exitCode = process.argv.length < 3 ? 2 : findings.length > 0 ? 1 : 0;
