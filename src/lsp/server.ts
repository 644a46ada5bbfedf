/** The language server's wiring: a program of its own (dist/lsp.js), so that no other command pays for its libraries. */
import {
  CodeActionKind,
  CompletionItemKind,
  createConnection,
  DiagnosticSeverity,
  DocumentSymbol,
  ProposedFeatures,
  ResponseError,
  SymbolKind,
  TextDocumentSyncKind,
  TextDocuments,
} from "vscode-languageserver/node.js";
import type { CodeAction, Connection, Diagnostic as Report, Location, TextEdit } from "vscode-languageserver/node.js";
import { TextDocument } from "vscode-languageserver-textdocument";
import { parse } from "../../grammar/parser.js";
import { format, formatName, formatStatement } from "../ast/format.js";
import { checkDeclared } from "../ir/scope.js";
import { type Diagnostic, Diagnostics } from "../text/diagnostic.js";
import { identify } from "../text/files.js";
import { SourceFile } from "../text/source.js";
import { type Analysis, fileOf, occurrenceAt, placesOf } from "./analysis.js";
import { type Proposal, proposals } from "./completion.js";
import { fixesOf } from "./fixes.js";
import { hoverText } from "./hover.js";
import type { Occurrence } from "./names.js";
import { toOffset, toPosition, toRange } from "./ranges.js";
import { pathOf, uriOf, Workspace } from "./workspace.js";

/** Milliseconds without a key after which the text is looked at. */
const PAUSE = 120;

/** Serves an editor on standard input and output until it says that it is done. */
export function serve(): void {
  const connection = createConnection(ProposedFeatures.all, process.stdin, process.stdout);
  const documents = new TextDocuments(TextDocument);
  const workspace = new Workspace();
  connection.onInitialize(() => ({
    serverInfo: { name: "tsnet" },
    capabilities: {
      textDocumentSync: TextDocumentSyncKind.Incremental,
      hoverProvider: true,
      definitionProvider: true,
      referencesProvider: true,
      renameProvider: { prepareProvider: true },
      documentSymbolProvider: true,
      completionProvider: { triggerCharacters: [":", " "] },
      documentFormattingProvider: true,
      codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix] },
    },
  }));
  watch(connection, documents, workspace);
  answerNames(connection, workspace);
  answerTexts(connection, workspace);
  documents.listen(connection);
  connection.listen();
}

// Diagnostics --------------------------------------------------------------------------------------------------------

function watch(connection: Connection, documents: TextDocuments<TextDocument>, workspace: Workspace): void {
  let timer: NodeJS.Timeout | undefined;
  const publish = (): void => {
    for (const path of workspace.open) {
      const diagnostics = reports(workspace.analysisOf(path), path);
      void connection.sendDiagnostics({ uri: uriOf(path), diagnostics });
    }
  };
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(publish, PAUSE);
  };
  documents.onDidChangeContent(({ document }) => {
    workspace.set(pathOf(document.uri), document.getText());
    soon();
  });
  documents.onDidClose(({ document }) => {
    workspace.set(pathOf(document.uri), undefined);
    void connection.sendDiagnostics({ uri: document.uri, diagnostics: [] });
    soon();
  });
  connection.onDidChangeWatchedFiles(() => {
    workspace.refresh();
    soon();
  });
  connection.onShutdown(() => clearTimeout(timer));
}

const SEVERITY = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  info: DiagnosticSeverity.Information,
} as const;

function reports({ compiled }: Analysis, path: string): Report[] {
  return compiled.diagnostics.filter(({ span }) => span.file.name === path).map(toReport);
}

function toReport({ code, severity, span, message, why, help, related }: Diagnostic): Report {
  const more = [why, help].filter((text) => text !== undefined);
  return {
    code,
    source: "tsnet",
    severity: SEVERITY[severity],
    range: toRange(span),
    message: [message, ...more].join("\n"),
    relatedInformation: (related ?? []).map(({ span: place, message: text }) => ({
      location: { uri: uriOf(place.file.name), range: toRange(place) },
      message: text,
    })),
  };
}

// Names --------------------------------------------------------------------------------------------------------------

interface Place {
  readonly textDocument: { readonly uri: string };
  readonly position: { readonly line: number; readonly character: number };
}

/** What a request is about. */
function at(workspace: Workspace, { textDocument, position }: Place) {
  const path = pathOf(textDocument.uri);
  const analysis = workspace.analysisOf(path);
  const file = fileOf(analysis, path) ?? new SourceFile(path, workspace.read(path));
  return { path, analysis, file, offset: toOffset(file, position) };
}

function toLocation({ span }: Occurrence): Location {
  return { uri: uriOf(span.file.name), range: toRange(span) };
}

function answerNames(connection: Connection, workspace: Workspace): void {
  connection.onHover((params) => {
    const { analysis, path, offset } = at(workspace, params);
    const value = hoverText(analysis, path, offset);
    return value === undefined ? null : { contents: { kind: "markdown", value } };
  });
  connection.onDefinition((params) => {
    const { analysis, path, offset } = at(workspace, params);
    const found = occurrenceAt(analysis, path, offset);
    const [first] = found === undefined ? [] : placesOf(analysis, found.name);
    return first === undefined ? null : toLocation(first);
  });
  connection.onReferences((params) => {
    const { analysis, path, offset } = at(workspace, params);
    const found = occurrenceAt(analysis, path, offset);
    const all = found === undefined ? [] : placesOf(analysis, found.name);
    return all.filter(({ declares }) => params.context.includeDeclaration || !declares).map(toLocation);
  });
  connection.onPrepareRename((params) => {
    const { analysis, path, offset } = at(workspace, params);
    const found = occurrenceAt(analysis, path, offset);
    return found === undefined ? null : { range: toRange(found.span), placeholder: found.name };
  });
  connection.onRenameRequest((params) => {
    const { analysis, path, offset } = at(workspace, params);
    const found = occurrenceAt(analysis, path, offset);
    if (found === undefined) return null;
    const name = params.newName.replace(/^"(.*)"$/, "$1");
    if (name !== found.name && placesOf(analysis, name).length > 0)
      throw new ResponseError(-32803, `'${name}' is a name of this policy already`);
    const refused = new Diagnostics();
    if (!checkDeclared({ text: name, quoted: true, span: found.span }, "container", refused))
      throw new ResponseError(-32803, refused.sorted()[0]?.message ?? "");
    const changes: Record<string, TextEdit[]> = {};
    for (const { span } of placesOf(analysis, found.name))
      (changes[uriOf(span.file.name)] ??= []).push({ range: toRange(span), newText: formatName(name) });
    return { changes };
  });
}

// Texts --------------------------------------------------------------------------------------------------------------

const SYMBOLS: Readonly<Record<string, SymbolKind>> = {
  container: SymbolKind.Object,
  network: SymbolKind.Namespace,
  let: SymbolKind.Constant,
  policy: SymbolKind.Package,
};

const ITEMS: Readonly<Record<Proposal["kind"], CompletionItemKind>> = {
  keyword: CompletionItemKind.Keyword,
  container: CompletionItemKind.Class,
  network: CompletionItemKind.Module,
  let: CompletionItemKind.Constant,
  builtin: CompletionItemKind.Value,
  port: CompletionItemKind.Unit,
};

function answerTexts(connection: Connection, workspace: Workspace): void {
  connection.onDocumentSymbol(({ textDocument }) => {
    const path = pathOf(textDocument.uri);
    const statements = workspace.analysisOf(path).trees.get(path)?.statements ?? [];
    return statements.map((statement) => {
      const named = "name" in statement ? statement.name : undefined;
      const [title = ""] = formatStatement(statement).split("\n");
      return DocumentSymbol.create(
        named?.text ?? title,
        named === undefined ? undefined : statement.kind,
        SYMBOLS[statement.kind] ?? SymbolKind.Event,
        toRange(statement.span),
        toRange(named?.span ?? statement.span),
      );
    });
  });
  connection.onCompletion((params) => {
    const { analysis, file, offset } = at(workspace, params);
    return proposals(analysis, file, offset).map(({ label, kind, detail }) => ({ label, kind: ITEMS[kind], detail }));
  });
  connection.onDocumentFormatting(({ textDocument }) => {
    const path = pathOf(textDocument.uri);
    const file = new SourceFile(path, workspace.read(path));
    const diagnostics = new Diagnostics();
    const tree = parse(file, diagnostics);
    // What doesn't parse would be left out.
    if (diagnostics.hasErrors) return [];
    const newText = format(tree);
    const whole = { start: { line: 0, character: 0 }, end: toPosition(file, file.text.length) };
    return newText === file.text ? [] : [{ range: whole, newText }];
  });
  connection.onCodeAction(({ textDocument, range }) => {
    const path = pathOf(textDocument.uri);
    const { compiled } = workspace.analysisOf(path);
    const root = compiled.roots[0] ?? path;
    return compiled.diagnostics.flatMap((diagnostic): CodeAction[] => {
      const { span } = diagnostic;
      const { start, end } = toRange(span);
      if (span.file.name !== path || end.line < range.start.line || start.line > range.end.line) return [];
      return fixesOf(diagnostic, compiled.diagnostics, root, workspace.read, identify).map((fix) => ({
        title: fix.title,
        kind: CodeActionKind.QuickFix,
        isPreferred: true,
        diagnostics: [toReport(diagnostic)],
        edit: { changes: { [textDocument.uri]: [{ range: toRange(fix.span), newText: fix.text }] } },
      }));
    });
  });
}
