/** Every small change of a source file that a test ought to notice, found in its syntax tree. */

import ts from "typescript";

/** A change of the text from `start` to `end`. */
export interface Mutant {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** The line, from 1. */
  readonly line: number;
  /** What it is, in words: `=== becomes !==`. */
  readonly what: string;
}

const K = ts.SyntaxKind;

/** Operators and what stands in for them. */
const operators = new Map<ts.SyntaxKind, readonly string[]>([
  [K.EqualsEqualsEqualsToken, ["!=="]],
  [K.ExclamationEqualsEqualsToken, ["==="]],
  [K.LessThanToken, ["<=", ">"]],
  [K.LessThanEqualsToken, ["<", ">"]],
  [K.GreaterThanToken, [">=", "<"]],
  [K.GreaterThanEqualsToken, [">", "<"]],
  [K.AmpersandAmpersandToken, ["||"]],
  [K.BarBarToken, ["&&"]],
  [K.PlusToken, ["-"]],
  [K.MinusToken, ["+"]],
  [K.AsteriskToken, ["/"]],
]);

/** Guards of a store that are text: what is only inserted, and what is only changed at its version. */
const inText: readonly (readonly [RegExp, string, string])[] = [
  [/\bINSERT INTO\b/, "INSERT OR REPLACE INTO", "insert-only becomes upsert"],
  [/\bAND version = \?\d*/, "", "the version check is skipped"],
  [/\bWHERE key = \?\d* AND\b/, "WHERE", "the key check is skipped"],
  [/\bBEGIN IMMEDIATE\b/, "BEGIN", "the lock is taken late"],
  [/\bROLLBACK\b/, "COMMIT", "a rollback becomes a commit"],
];

/** All mutants of a file's text, in order. */
export function mutantsOf(path: string, source: string): Mutant[] {
  const file = ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true);
  const found: Mutant[] = [];
  const add = (node: ts.Node, text: string, what: string) => {
    const [start, end] = [node.getStart(file), node.getEnd()];
    found.push({ start, end, text, what, line: file.getLineAndCharacterOfPosition(start).line + 1 });
  };
  const words = (node: ts.Node) => node.getText(file).replace(/\s+/g, " ").slice(0, 60);
  const condition = (node: ts.Expression, isLoop = false) => {
    if (!isLoop) add(node, "true", `condition \`${words(node)}\` is always true`);
    add(node, "false", `condition \`${words(node)}\` is always false`);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return;
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return;
    if (ts.isThrowStatement(node)) add(node, ";", `\`${words(node)}\` is dropped`);
    else if (ts.isBinaryExpression(node)) {
      const sign = node.operatorToken;
      const isConcatenation = sign.kind === K.PlusToken && /["'`]/.test(node.getText(file));
      for (const text of isConcatenation ? [] : operators.get(sign.kind) ?? []) {
        add(sign, text, `${sign.getText(file)} becomes ${text} in \`${words(node)}\``);
      }
      if (sign.kind === K.QuestionQuestionToken) {
        add(node, node.left.getText(file), `no fallback in \`${words(node)}\``);
      }
    } else if (ts.isPrefixUnaryExpression(node) && node.operator === K.ExclamationToken) {
      add(node, node.operand.getText(file), `\`${words(node)}\` loses its !`);
    } else if (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) {
      const operand = node.operand.getText(file);
      if (node.operator === K.PlusPlusToken) add(node, `${operand}--`, `\`${words(node)}\` counts down`);
      if (node.operator === K.MinusMinusToken) add(node, `${operand}++`, `\`${words(node)}\` counts up`);
    } else if (ts.isIfStatement(node)) condition(node.expression);
    else if (ts.isConditionalExpression(node)) condition(node.condition);
    else if (ts.isWhileStatement(node)) condition(node.expression, true);
    else if (ts.isForStatement(node) && node.condition) condition(node.condition, true);
    else if (ts.isAwaitExpression(node) && !isReturned(node)) {
      add(node, node.expression.getText(file), `no await for \`${words(node)}\``);
    } else if (ts.isExpressionStatement(node)) add(node, ";", `\`${words(node)}\` is dropped`);
    else if (ts.isNumericLiteral(node)) {
      const text = `(${node.getText(file)} + 1)`;
      if (!ts.isPropertyAssignment(node.parent) || node.parent.name !== node) {
        add(node, text, `${node.getText(file)} becomes ${text}`);
      }
    } else if (node.kind === K.TrueKeyword || node.kind === K.FalseKeyword) {
      const text = node.kind === K.TrueKeyword ? "false" : "true";
      add(node, text, `${node.getText(file)} becomes ${text}`);
    } else if (ts.isReturnStatement(node) && node.expression && !isSimple(node.expression)) {
      add(node, "return undefined as never;", `\`${words(node)}\` returns nothing`);
    } else if (
      ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node) || ts.isTemplateExpression(node)
    ) {
      for (const [guard, text, what] of inText) {
        const own = node.getText(file);
        if (guard.test(own)) add(node, own.replace(guard, text), what);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found.sort((a, b) => a.start - b.start || a.end - b.end);
}

/** `return true`, which is changed as a literal already. */
function isSimple(node: ts.Expression): boolean {
  return node.kind === K.TrueKeyword || node.kind === K.FalseKeyword ||
    ts.isIdentifier(node) && node.text === "undefined";
}

/** `return await`, which differs from `return` only where a `try` is around it. */
function isReturned(node: ts.AwaitExpression): boolean {
  if (!ts.isReturnStatement(node.parent)) return false;
  for (let at: ts.Node = node; !ts.isFunctionLike(at); at = at.parent) {
    if (ts.isTryStatement(at)) return false;
  }
  return true;
}
