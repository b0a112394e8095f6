"""How requests of nodes prove who sends them (`auth`): what the field says, what credentials have, what is sent."""
