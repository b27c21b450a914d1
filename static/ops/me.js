// Who is logged in, and what their role allows. The server checks it too; here it hides what would be refused.

const ROLES = ["look", "act", "money"];

let me = { name: "", role: "", shared: 0, off: [] };

/** Take the reply of /ops/me. */
export function become(reply) {
  me = reply;
}

/** The name as the audit log has it. */
export const name = () => me.name;

/** Whether the operator may do what this role may. */
export const may = (role) => ROLES.indexOf(me.role) >= ROLES.indexOf(role);

/** What this server is not set up for. */
export const off = () => me.off;
