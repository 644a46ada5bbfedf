// Turns the parts that esbuild splits a program into from ES modules into functions of CommonJS.
//
// In CommonJS an imported name is a property that is looked up, by two getters, each time: in a loop over ten thousand lines
// that no compiler has seen yet, a constant of another file costs as much as the work. So a name whose value is settled
// once its part has run becomes a constant of the part that imports it; others (what a lazily run module assigns) stay
// live.
import path from "node:path";
import { parse } from "acorn";
import { transform } from "esbuild";

function parsed(text) {
  return parse(text, { ecmaVersion: "latest", sourceType: "module" });
}

/** Calls `visit` for each node below. */
function walk(node, visit) {
  if (Array.isArray(node)) for (const one of node) walk(one, visit);
  else if (node !== null && typeof node === "object" && typeof node.type === "string") {
    visit(node);
    for (const [key, value] of Object.entries(node)) if (key !== "type") walk(value, visit);
  }
}

/** The names in what is assigned to. */
function namesOf(pattern) {
  const names = [];
  walk(pattern, (node) => node.type === "Identifier" && names.push(node.name));
  return names;
}

/** The exports of a part whose values are there when it has run, and never change; by their exported names. */
function settledExports(program) {
  const settled = new Set();
  for (const node of program.body) {
    if (node.type === "FunctionDeclaration" || node.type === "ClassDeclaration") settled.add(node.id.name);
    if (node.type === "VariableDeclaration")
      for (const { id, init } of node.declarations) if (id.type === "Identifier" && init !== null) settled.add(id.name);
  }
  walk(program, (node) => {
    const target =
      node.type === "AssignmentExpression"
        ? node.left
        : node.type === "UpdateExpression"
          ? node.argument
          : node.type === "ForInStatement" || node.type === "ForOfStatement"
            ? node.left
            : undefined;
    // A member of a name is no other value of it; a name of an inner scope is taken for the outer one, to be safe.
    if (target !== undefined && target.type !== "MemberExpression" && target.type !== "VariableDeclaration")
      for (const name of namesOf(target)) settled.delete(name);
  });
  const exported = new Set();
  for (const node of program.body)
    if (node.type === "ExportNamedDeclaration" && node.source === null)
      for (const { local, exported: as } of node.specifiers) if (settled.has(local.name)) exported.add(as.name);
  return exported;
}

/** The text with constants in place of the settled names that it imports from other parts. */
function withConstants(text, program, exportsOf) {
  let out = text;
  for (const node of program.body.toReversed()) {
    if (node.type !== "ImportDeclaration" || !node.source.value.startsWith("./")) continue;
    const settled = exportsOf.get(node.source.value.slice(2)) ?? new Set();
    const isSettled = (one) => one.type === "ImportSpecifier" && settled.has(one.imported.name);
    const constants = node.specifiers.filter(isSettled);
    if (constants.length === 0) continue;
    const names = constants.map(({ imported, local }) => `${imported.name}:${local.name}`).join();
    const others = node.specifiers.filter((one) => !isSettled(one));
    const rest = others.map((one) => text.slice(one.start, one.end)).join();
    const live = others.length === 0 ? "" : `import{${rest}}from${node.source.raw};`;
    out = `${out.slice(0, node.start)}${live}const{${names}}=require(${node.source.raw});${out.slice(node.end)}`;
  }
  return out;
}

/**
 * The text without its settled exports, and what sets them once it has run: plain properties, where esbuild makes a getter
 * for each, which is a function more to make and to call.
 */
function withoutSettled(text, program, settled) {
  let out = text;
  const set = [];
  for (const node of program.body.toReversed()) {
    if (node.type !== "ExportNamedDeclaration" || node.source !== null || node.declaration !== null) continue;
    const live = node.specifiers.filter(({ exported }) => !settled.has(exported.name));
    for (const { local, exported } of node.specifiers)
      if (settled.has(exported.name)) set.push(`module.exports.${exported.name}=${local.name};`);
    const rest = live.map(({ start, end }) => text.slice(start, end)).join();
    out = `${out.slice(0, node.start)}${live.length === 0 ? "" : `export{${rest}};`}${out.slice(node.end)}`;
  }
  return { text: out, set: set.join("") };
}

/** Parts as esbuild's `outputFiles` has them; returns path and code of each. */
export async function toCommonJs(outputFiles, target) {
  const programs = outputFiles.map(({ text }) => parsed(text));
  const exportsOf = new Map(outputFiles.map(({ path: file }, i) => [path.basename(file), settledExports(programs[i])]));
  return Promise.all(
    outputFiles.map(async ({ path: file }, i) => {
      const settled = exportsOf.get(path.basename(file));
      const { text, set } = withoutSettled(outputFiles[i].text, programs[i], settled);
      const { code } = await transform(withConstants(text, parsed(text), exportsOf), {
        format: "cjs",
        platform: "node",
        target,
        minifyWhitespace: true,
        supported: { "dynamic-import": false },
      });
      return { file, code: `${code}${set}` };
    }),
  );
}

/**
 * In which file each part stands, for parts that are loaded together: a file costs two reads and its cache a look-up,
 * and a command needs dozens of parts. What several of the roots import stands with the first of them.
 *
 * @param outputs esbuild's, of its metafile
 * @param roots source files with parts of their own
 */
export function grouped(outputs, roots) {
  const groups = {};
  const add = (file, group) => {
    const name = path.basename(file);
    if (groups[name] !== undefined) return;
    groups[name] = group;
    for (const { path: imported, kind } of outputs[file].imports)
      if (kind === "import-statement" && outputs[imported] !== undefined) add(imported, group);
  };
  for (const root of roots) {
    const found = Object.keys(outputs).find((file) => outputs[file].entryPoint === root);
    if (found === undefined) throw new Error(`${root} has no part of its own`);
    add(found, path.basename(found));
  }
  return groups;
}
