-- Which key signed a statement is found out whenever it is asked: keys come and go.
alter table bundle_evidence drop column key_id;
