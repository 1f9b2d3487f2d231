// Which ids were acted on. Written before the order leaves, so after any crash an id is used once or not at all;
// the order's comment says it a second time, at the broker.
#define JOURNAL_IDS_MAX 4096
#include "Line.mqh"
#include "Timeframe.mqh"

#define JOURNAL_DAYS    14

class CIdJournal
  {
private:
   string            m_name;
   string            m_ids[];
   int               m_count;
   int               m_handle;
   long              m_magic;

   void              Remember(const string id)
     {
      if(ArraySize(m_ids)<JOURNAL_IDS_MAX)
         ArrayResize(m_ids,m_count+1,1024);
      m_ids[m_count%JOURNAL_IDS_MAX]=id;
      m_count++;
     }
   bool              AtBroker(const string comment) const
     {
      for(int at=PositionsTotal()-1; at>=0; at--)
         if(PositionGetTicket(at)>0 && PositionGetInteger(POSITION_MAGIC)==m_magic && PositionGetString(POSITION_SYMBOL)==_Symbol
            && PositionGetString(POSITION_COMMENT)==comment)
            return(true);
      datetime now=TimeTradeServer();
      if(!HistorySelect(now-JOURNAL_DAYS*86400,now+86400))
         return(true); // not knowing is no reason to trade
      for(int at=HistoryOrdersTotal()-1; at>=0; at--)
        {
         ulong ticket=HistoryOrderGetTicket(at);
         if(HistoryOrderGetInteger(ticket,ORDER_MAGIC)==m_magic && HistoryOrderGetString(ticket,ORDER_SYMBOL)==_Symbol
            && HistoryOrderGetString(ticket,ORDER_COMMENT)==comment)
            return(true);
        }
      return(false);
     }

public:
                     CIdJournal(void) { m_count=0; m_handle=INVALID_HANDLE; m_magic=0; }
                    ~CIdJournal(void) { Close(); }
   void              Close(void)
     {
      if(m_handle!=INVALID_HANDLE)
         FileClose(m_handle);
      m_handle=INVALID_HANDLE;
     }
   bool              Open(const string name,const long magic)
     {
      Close();
      m_name=name;
      m_magic=magic;
      m_count=0;
      ArrayResize(m_ids,0);
      m_handle=FileOpen(name,FILE_READ|FILE_WRITE|FILE_TXT|FILE_ANSI|FILE_SHARE_READ);
      if(m_handle==INVALID_HANDLE)
         return(false);
      while(!FileIsEnding(m_handle))
        {
         string id=FileReadString(m_handle);
         if(id!="")
            Remember(id);
        }
      FileSeek(m_handle,0,SEEK_END);
      return(true);
     }
   //--- short enough for every broker: 31 characters
   static string     CommentOf(const SLine &line) { return("NTN."+CTimeframe::Name(line.tf_s)+"."+IntegerToString(line.candle_ms)); }
   bool              Has(const SLine &line) const
     {
      for(int at=0; at<ArraySize(m_ids); at++)
         if(m_ids[at]==line.id)
            return(true);
      return(AtBroker(CommentOf(line)));
     }
   //--- false where it could not be written: then nothing may be done
   bool              Write(const string id)
     {
      string text=id+"\r\n";
      if(m_handle==INVALID_HANDLE || FileWriteString(m_handle,text)!=(uint)StringLen(text))
         return(false);
      FileFlush(m_handle);
      Remember(id);
      return(true);
     }
  };
