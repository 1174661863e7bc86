/* Goes on to the share in place of this page, or while it asks for a password takes the address of the share, so that the link's
   token stays neither in the address bar nor in the history. */
"use strict";
{
  const { to, at } = document.body.dataset;
  if (to) location.replace(to);
  else history.replaceState(null, "", at);
}
