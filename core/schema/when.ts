/** Runs the statement if the condition holds: the IF NOT EXISTS of what has none. */
export function when(condition: string, statement: string): string {
  const body = ` BEGIN\n  IF ${condition} THEN\n    ${statement};\n  END IF;\nEND `;
  let tag = '$ferry$';
  for (let number = 1; body.includes(tag); number++) tag = `$ferry${number}$`;
  return `DO ${tag}${body}${tag}`;
}
