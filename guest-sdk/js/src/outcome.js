// The ways in which a step of the chain ends, as the world spells them.

export const NEXT = 'next';
export const NEXT_ROUTE = 'next-route';
export const RESPOND = 'respond';
