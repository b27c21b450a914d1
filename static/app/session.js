// Who is logged in, in this window: two windows can be two people.

const KEY = "wabao.person";

/** The person as userLogin described them ({unionid, token, nickName, avatarUrl, …}), or null. */
export let person = JSON.parse(sessionStorage.getItem(KEY));

const changed = new EventTarget();

export function remember(someone) {
  person = someone;
  if (someone === null) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, JSON.stringify(someone));
  changed.dispatchEvent(new Event("change"));
}

/** Call `listener` after each login, logout and change of name. */
export function onChange(listener) {
  changed.addEventListener("change", listener);
}
