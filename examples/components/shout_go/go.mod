module shout_go

go 1.24
